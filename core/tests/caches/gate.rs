//! A store of either I/O model whose answers to gets can be held back.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex};

use async_trait::async_trait;
use bigarrays_core::backend::{
    BackendResult, Blob, ByteRange, Capabilities, DeleteOutcome, IoModel, KeyValueBackend, Meta,
    Precondition, PutOutcome, Value, wait,
};
use bigarrays_core::key::{Key, Prefix};
use bigarrays_core::memory::MemoryBackend;
use futures::channel::oneshot;
use futures::stream::{self, BoxStream, StreamExt};

/// Reads at once, and answers when the gate is open. As an asynchronous store it answers
/// `Pending` at least once.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    inner: MemoryBackend,
    io: IoModel,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    gets: usize,
    heads: usize,
    held: Vec<oneshot::Sender<()>>,
}

impl Gate {
    pub(crate) fn new(io: IoModel) -> Self {
        Self { inner: MemoryBackend::named("gate"), io, state: Arc::default() }
    }

    /// The content, past the gate.
    pub(crate) const fn content(&self) -> &MemoryBackend {
        &self.inner
    }

    pub(crate) fn close(&self) {
        self.state.0.lock().unwrap().closed = true;
    }

    /// Lets all answers go, those held and those to come.
    pub(crate) fn open(&self) {
        let mut state = self.state.0.lock().unwrap();
        state.closed = false;
        let held = std::mem::take(&mut state.held);
        drop(state);
        for held in held {
            let _ = held.send(());
        }
    }

    /// Returns when so many answers are held back.
    pub(crate) fn until_held(&self, count: usize) {
        let state = self.state.0.lock().unwrap();
        drop(self.state.1.wait_while(state, |state| state.held.len() < count).unwrap());
    }

    /// How many gets and heads there were.
    pub(crate) fn asked(&self) -> (usize, usize) {
        let state = self.state.0.lock().unwrap();
        (state.gets, state.heads)
    }

    /// What a get waits for.
    fn hold(&self) -> oneshot::Receiver<()> {
        let (sender, held) = oneshot::channel();
        let mut state = self.state.0.lock().unwrap();
        state.gets += 1;
        if state.closed {
            state.held.push(sender);
        } else {
            let _ = sender.send(());
        }
        drop(state);
        self.state.1.notify_all();
        held
    }

    async fn step(&self) {
        if self.io == IoModel::Async {
            Yield(false).await;
        }
    }
}

struct Yield(bool);

impl Future for Yield {
    type Output = ();
    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    }
}

#[async_trait]
impl KeyValueBackend for Gate {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            io: self.io,
            concurrency: 16.try_into().unwrap(),
            ..self.inner.capabilities()
        }
    }

    async fn head(&self, key: &Key) -> BackendResult<Option<Meta>> {
        self.state.0.lock().unwrap().heads += 1;
        self.step().await;
        self.inner.head(key).await
    }

    async fn get(&self, key: &Key, range: ByteRange) -> BackendResult<Option<Blob>> {
        let answer = self.inner.get(key, range).await;
        let held = self.hold();
        match self.io {
            IoModel::Blocking => wait(held).unwrap(),
            IoModel::Async => {
                Yield(false).await;
                held.await.unwrap();
            }
        }
        answer
    }

    async fn put(&self, key: &Key, value: Value, when: Precondition) -> BackendResult<PutOutcome> {
        self.step().await;
        let outcome = self.inner.put(key, value, when).await;
        self.step().await;
        outcome
    }

    async fn delete(&self, key: &Key, when: Precondition) -> BackendResult<DeleteOutcome> {
        self.step().await;
        self.inner.delete(key, when).await
    }

    fn list<'a>(&'a self, prefix: &'a Prefix) -> BoxStream<'a, BackendResult<Meta>> {
        let late = stream::once(self.step()).flat_map(|()| stream::empty());
        late.chain(self.inner.list(prefix)).boxed()
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
