//! Conditional puts over a network, where the answer of one that was done can get lost.
//!
//! Sending such a put again would fail against our own write. So every write carries a [`Mark`]: a
//! name of its own, and the state that it replaces. Whoever looks afterwards finds out who wrote.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::future::Future;
use std::hash::BuildHasher;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bigarrays_core::Key;
use bigarrays_core::backend::{
    BackendError, BackendResult, ErrorKind, Operation, PutOutcome, Version,
};

/// The name of the metadata that holds a [`Mark`], without the store's own prefix.
pub(crate) const MARK: &str = "bigarrays-write";

/// How often a put is sent until it is known what became of it.
const ATTEMPTS: u32 = 4;
/// The wait before the second time; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// The longest wait, whatever the server asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Stands for the state of an absent key.
const NOTHING: &str = "-";

/// Who wrote a value, and after what: kept with the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// A name that no other write has.
    pub(crate) id: String,
    /// The name of the state that was to be replaced; empty if any.
    pub(crate) after: String,
}

impl Mark {
    /// The mark of a write that replaces whatever there is.
    pub(crate) fn unconditional() -> Self {
        Self { id: unique(), after: String::new() }
    }

    /// The mark of a write that creates.
    pub(crate) fn of_new() -> Self {
        Self { id: unique(), after: NOTHING.to_owned() }
    }

    /// The mark of a write that replaces the state of this name.
    pub(crate) fn after(state: &str) -> Self {
        Self { id: unique(), after: state.to_owned() }
    }

    /// The mark in a value's metadata.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (id, after) = text.split_once(" after ").unwrap_or((text, ""));
        let plain = |text: &str| !text.contains(char::is_whitespace);
        (!id.is_empty() && plain(id)).then(|| Self { id: id.to_owned(), after: after.to_owned() })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.after.as_str() {
            "" => f.write_str(&self.id),
            after => write!(f, "{} after {after}", self.id),
        }
    }
}

/// 128 bits that nobody else has, as hexadecimal digits.
pub(crate) fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos());
    // The keys of these hashers come from the system's source of randomness.
    let half = || RandomState::new().hash_one((process::id(), count, now));
    format!("{:016x}{:016x}", half(), half())
}

/// The value that a look finds.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The name of its state, as in [`Mark::after`].
    pub(crate) state: String,
    /// Its mark, if it has one.
    pub(crate) mark: Option<Mark>,
    /// Its version.
    pub(crate) version: Option<Version>,
}

/// What a look tells of a write whose answer was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// It arrived.
    Written(Option<Version>),
    /// The key is as it was before.
    Untouched,
    /// Somebody else replaced that state.
    Lost,
    /// It cannot be told.
    Unclear,
}

fn judge(ours: &Mark, found: Option<Found>) -> Verdict {
    let Some(Found { state, mark, version }) = found else {
        return if ours.after == NOTHING { Verdict::Untouched } else { Verdict::Unclear };
    };
    if state == ours.after {
        return Verdict::Untouched;
    }
    match mark {
        Some(mark) if mark.id == ours.id => Verdict::Written(version),
        // It was there, and has been replaced since.
        Some(mark) if mark.after == ours.id => Verdict::Written(None),
        Some(mark) if mark.after == ours.after => Verdict::Lost,
        _ => Verdict::Unclear,
    }
}

/// Does a conditional put once, also if answers get lost.
///
/// `send` sends it once, with the same mark each time; `look` asks what the key holds.
pub(crate) async fn settle<S, L>(
    key: &Key,
    ours: &Mark,
    mut send: impl FnMut() -> S + Send,
    mut look: impl FnMut() -> L + Send,
) -> BackendResult<PutOutcome>
where
    S: Future<Output = BackendResult<PutOutcome>> + Send,
    L: Future<Output = BackendResult<Option<Found>>> + Send,
{
    let mut doubt: Option<BackendError> = None;
    for attempt in 0..ATTEMPTS {
        if let Some(error) = &doubt {
            tokio::time::sleep(pause(attempt, error)).await;
        }
        match (send().await, &doubt) {
            // An earlier attempt may be what is in the way.
            (Ok(PutOutcome::Conflict), Some(_)) => {}
            (Err(error), _) if error.kind() == ErrorKind::Transient => doubt = Some(error),
            (answer, _) => return answer,
        }
        match look().await.map(|found| judge(ours, found)) {
            Ok(Verdict::Written(version)) => return Ok(PutOutcome::Written { version }),
            Ok(Verdict::Lost) => return Ok(PutOutcome::Conflict),
            Ok(Verdict::Unclear) => break,
            Ok(Verdict::Untouched) => {}
            Err(error) if error.kind() == ErrorKind::Transient => {}
            Err(error) => return Err(error),
        }
    }
    Err(in_doubt(key, doubt))
}

fn pause(attempt: u32, last: &BackendError) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << attempt.min(16).saturating_sub(1));
    last.retry_after().unwrap_or(doubled).min(LONGEST_WAIT)
}

fn in_doubt(key: &Key, cause: Option<BackendError>) -> BackendError {
    let backend = cause.as_ref().map_or_else(String::new, |cause| cause.backend().to_owned());
    let error = BackendError::new(ErrorKind::Transient, backend, Operation::Put)
        .with_key(key)
        .with_note("its answer was lost, and whether it took effect could not be found out");
    match cause {
        Some(cause) => error.with_source(cause),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigarrays_core::backend::wait;
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use crate::remote::{handle, run};

    fn lost() -> BackendResult<PutOutcome> {
        Err(BackendError::new(ErrorKind::Transient, "s", Operation::Put))
    }

    fn done() -> BackendResult<PutOutcome> {
        Ok(PutOutcome::Written { version: None })
    }

    fn found(state: &str, mark: &str) -> Option<Found> {
        Some(Found { state: state.into(), mark: Mark::parse(mark), version: None })
    }

    /// Settles a put of the mark `me after old` with these answers; tells also how often it was
    /// sent.
    fn settled(
        sends: Vec<BackendResult<PutOutcome>>,
        looks: Vec<Option<Found>>,
    ) -> (BackendResult<PutOutcome>, usize) {
        let work = async move {
            let (sends, looks) = (Answers::new(sends), Answers::new(looks));
            let key = Key::new("k").unwrap();
            let ours = Mark::parse("me after old").unwrap();
            let total = sends.left();
            let send = || std::future::ready(sends.next());
            let look = || std::future::ready(Ok(looks.next()));
            let answer = settle(&key, &ours, send, look).await;
            (answer, total - sends.left())
        };
        wait(run(&handle().unwrap(), work))
    }

    /// Answers in their order.
    struct Answers<T>(Mutex<VecDeque<T>>);

    impl<T> Answers<T> {
        fn new(items: Vec<T>) -> Self {
            Self(Mutex::new(items.into()))
        }
        fn next(&self) -> T {
            self.0.lock().unwrap().pop_front().unwrap()
        }
        fn left(&self) -> usize {
            self.0.lock().unwrap().len()
        }
    }

    #[test]
    fn a_mark_survives_being_written_down_and_is_never_the_same() {
        for mark in [Mark::unconditional(), Mark::of_new(), Mark::after("x")] {
            assert_eq!(Mark::parse(&mark.to_string()), Some(mark));
        }
        assert_ne!(Mark::of_new().id, Mark::of_new().id);
        assert_eq!(Mark::parse(""), None);
        assert_eq!(Mark::parse("not a mark"), None);
    }

    #[test]
    fn an_answer_that_arrives_is_the_answer() {
        assert!(settled(vec![done()], vec![]).0.unwrap().is_written());
        let (answer, _) = settled(vec![Ok(PutOutcome::Conflict)], vec![]);
        assert_eq!(answer.unwrap(), PutOutcome::Conflict);
    }

    #[test]
    fn a_lost_answer_of_a_put_that_arrived_is_found_and_not_sent_again() {
        let (answer, sent) = settled(vec![lost(), lost()], vec![found("me", "me after old")]);
        assert!(answer.unwrap().is_written());
        assert_eq!(sent, 1);
        // Also if somebody replaced it before we looked.
        let (answer, _) = settled(vec![lost()], vec![found("you", "you after me")]);
        assert!(answer.unwrap().is_written());
    }

    #[test]
    fn a_put_that_did_not_arrive_is_sent_again() {
        let (answer, sent) = settled(vec![lost(), done()], vec![found("old", "old")]);
        assert!(answer.unwrap().is_written());
        assert_eq!(sent, 2);
    }

    #[test]
    fn a_late_first_attempt_is_not_taken_for_a_conflict() {
        let sends = vec![lost(), Ok(PutOutcome::Conflict)];
        let (answer, _) = settled(sends, vec![found("old", "old"), found("me", "me after old")]);
        assert!(answer.unwrap().is_written());
    }

    #[test]
    fn who_replaced_the_same_state_won() {
        let (answer, _) = settled(vec![lost()], vec![found("you", "you after old")]);
        assert_eq!(answer.unwrap(), PutOutcome::Conflict);
    }

    #[test]
    fn what_cannot_be_told_is_neither_written_nor_a_conflict() {
        for look in [found("you", "you after another"), found("foreign", ""), None] {
            let (answer, sent) = settled(vec![lost(), done()], vec![look]);
            let error = answer.unwrap_err();
            assert_eq!((error.kind(), sent), (ErrorKind::Transient, 1));
            assert!(error.to_string().contains("could not be found out"), "{error}");
        }
    }

    #[test]
    fn attempts_are_bounded() {
        let untouched = || found("old", "old");
        let (answer, sent) =
            settled((0..9).map(|_| lost()).collect(), (0..9).map(|_| untouched()).collect());
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Transient);
        assert_eq!(sent, 4);
    }
}
