//! Connections: how many, how slow, and how they end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::app::{self, App};
use crate::error::ServeError;
use crate::impatient::Impatient;
use crate::options::Options;
use crate::s3;
use crate::served::{Served, Shelf};
use crate::tls;
use crate::volumes;

/// After a failure to accept, as when no more files can be open, others get time to end.
const BREATH: Duration = Duration::from_millis(100);
/// Requests under way get so much time when the server ends.
const LAST_CALL: Duration = Duration::from_secs(10);
/// Bytes of the head of a request.
const LONGEST_HEAD: usize = 64 << 10;
/// Requests at once on a connection.
const STREAMS: u32 = 64;

/// Where a server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// For readers.
    pub bind: SocketAddr,
    /// The gateway.
    pub s3: Option<SocketAddr>,
}

/// One port.
struct Port {
    listener: TcpListener,
    router: Router,
}

/// Stores, shown over HTTP.
pub struct Server {
    app: App,
    tls: Option<TlsAcceptor>,
    ports: Vec<Port>,
    addresses: Addresses,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Server {
    /// Takes the addresses. Nothing is answered before [`run`](Self::run).
    ///
    /// # Errors
    /// [`ServeError`]: what is wrong with names, files or addresses.
    pub async fn bind(served: Vec<Served>, options: Options) -> Result<Self, ServeError> {
        let tls = options.tls.as_ref().map(tls::acceptor).transpose()?;
        let shelf = Shelf::new(served, &options)?;
        let app = App::new(shelf, options);
        let listener = listen(app.options.bind).await?;
        let mut addresses = Addresses { bind: listener.local_addr()?, s3: None };
        let mut ports = vec![Port { listener, router: app::router(&app) }];
        if let Some(gateway) = &app.options.s3 {
            let listener = listen(gateway.bind).await?;
            addresses.s3 = Some(listener.local_addr()?);
            ports.push(Port { listener, router: s3::router(&app, gateway)? });
        }
        Ok(Self { app, tls, ports, addresses })
    }

    /// Where it listens: with the port that was found where 0 was asked for.
    #[must_use]
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The names of the volumes that can be asked for: those of the stores, with the places of the
    /// volumes in them.
    ///
    /// # Errors
    /// [`ServeError::Store`] if one cannot be listed.
    pub async fn volumes(&self) -> Result<Vec<String>, ServeError> {
        let mut names = Vec::new();
        let shelf = &self.app.shelf;
        for served in shelf.all() {
            let places = shelf.volumes(served).await;
            let places = places.map_err(|fault| ServeError::store(served.name(), &fault))?;
            names.extend(places.iter().map(|place| volumes::path(served, place)));
        }
        Ok(names)
    }

    /// Answers until `stop` is done. Then no more connections are taken, and requests under way are
    /// answered, for some seconds.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let (ending, _) = watch::channel(false);
        let places = Arc::new(Semaphore::new(self.app.options.limits.connections));
        let loops = self.ports.into_iter().map(|port| {
            let room = Room {
                app: App::clone(&self.app),
                tls: self.tls.clone(),
                places: Arc::clone(&places),
            };
            tokio::spawn(accept(port, room, ending.subscribe()))
        });
        let loops: Vec<_> = loops.collect();
        stop.await;
        ending.send_replace(true);
        for one in loops {
            // One that panicked has nothing left to answer.
            let _ = one.await;
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Bind { address, source })
}

/// What a connection needs.
#[derive(Clone)]
struct Room {
    app: App,
    tls: Option<TlsAcceptor>,
    places: Arc<Semaphore>,
}

async fn accept(port: Port, room: Room, mut ending: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    loop {
        let next = tokio::select! {
            next = next(&port.listener, &room.places) => next,
            _ = ending.wait_for(|is_ending| *is_ending) => break,
        };
        let (stream, place) = match next {
            Ok(next) => next,
            Err(error) => {
                room.app.options.log.tell(&format!("cannot take a connection: {error}"));
                sleep(BREATH).await;
                continue;
            }
        };
        room.app.metrics.connected();
        let (router, room, graceful) = (port.router.clone(), room.clone(), graceful.watcher());
        let mut ended = ending.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = converse(stream, router, &room, graceful) => {}
                () = last_call(&mut ended) => {}
            }
            drop(place);
        });
    }
    drop(port.listener);
    let _ = timeout(LAST_CALL, graceful.shutdown()).await;
}

async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

/// Is done some time after the end began.
async fn last_call(ending: &mut watch::Receiver<bool>) {
    let _ = ending.wait_for(|is_ending| *is_ending).await;
    sleep(LAST_CALL).await;
}

async fn converse(stream: TcpStream, router: Router, room: &Room, graceful: Watcher) {
    let patience = room.app.options.limits.timeout;
    // Answers are written whole; waiting for more to send would only delay their end.
    let _ = stream.set_nodelay(true);
    let stream = Impatient::new(stream, patience);
    let Some(tls) = &room.tls else {
        return over_http1(stream, router, patience, graceful).await;
    };
    // One that never ends its handshake is one that says nothing.
    let Ok(Ok(stream)) = timeout(patience, tls.accept(stream)).await else { return };
    if stream.get_ref().1.alpn_protocol() == Some(tls::H2) {
        over_http2(stream, router, patience, graceful).await;
    } else {
        over_http1(stream, router, patience, graceful).await;
    }
}

async fn over_http1(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    patience: Duration,
    graceful: Watcher,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // How a connection ends is its client's business.
    let _ = graceful.watch(connection).await;
}

async fn over_http2(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    patience: Duration,
    graceful: Watcher,
) {
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(patience)
        .keep_alive_timeout(patience)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(LONGEST_HEAD).unwrap_or(u32::MAX))
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let _ = graceful.watch(connection).await;
}
