//! Conditional puts over a network, where the answer of one that was done can get lost.
//!
//! Sending such a put again would fail against our own write. So every write carries a [`Mark`]: a
//! name of its own, and the state that it replaces. Whoever looks afterwards finds out who wrote.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::future::Future;
use std::hash::BuildHasher;
use std::iter;
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

/// How often is asked what became of it, before it is sent again.
const LOOKS: u32 = 3;

/// How many of the states before it a mark names: so many writes of others may follow a lost one
/// before it is looked for.
const DEPTH: usize = 12;
/// How much of the name of an earlier write is enough to know it.
const SHORT: usize = 12;

/// Stands for the state of an absent key.
const NOTHING: &str = "-";

/// Who wrote a value, and after what: kept with the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// A name that no other write has.
    pub(crate) id: String,
    /// The name of the state that was to be replaced, and of those before it; empty if any.
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

    /// The mark of a write that replaces a state: a mark as text, or any other name of a state.
    pub(crate) fn after(state: &str) -> Self {
        let after = match Self::parse(state) {
            Some(Self { id, after }) => {
                let names = iter::once(short(&id)).chain(after.split(' ')).take(DEPTH);
                names.collect::<Vec<_>>().join(" ").trim_end().to_owned()
            }
            None => state.to_owned(),
        };
        Self { id: unique(), after }
    }

    /// The name of the state that was to be replaced.
    fn replaced(&self) -> &str {
        self.after.split(' ').next().unwrap_or_default()
    }

    /// The names of this state and of those before it, the latest first.
    fn line(&self) -> impl Iterator<Item = &str> {
        iter::once(self.id.as_str()).chain(self.after.split(' '))
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

/// Enough of the name of a write; other names of states stay whole.
fn short(name: &str) -> &str {
    let is_ours = name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_ours { &name[..SHORT] } else { name }
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
    let expected = ours.replaced();
    if short(&state) == expected {
        return Verdict::Untouched;
    }
    let Some(mark) = mark else { return Verdict::Unclear };
    if mark.id == ours.id {
        return Verdict::Written(version);
    }
    // Whoever came after us says so, and whoever came before us as well.
    let knows = |name: &str| mark.line().any(|known| short(known) == name);
    if knows(short(&ours.id)) {
        Verdict::Written(None)
    } else if knows(expected) {
        Verdict::Lost
    } else {
        Verdict::Unclear
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
        // At once: the longer it takes, the more others have written since.
        for _ in 0..LOOKS {
            match look().await.map(|found| judge(ours, found)) {
                Ok(Verdict::Written(version)) => return Ok(PutOutcome::Written { version }),
                Ok(Verdict::Lost) => return Ok(PutOutcome::Conflict),
                Ok(Verdict::Unclear) => return Err(in_doubt(key, doubt)),
                Ok(Verdict::Untouched) => break,
                Err(error) if error.kind() == ErrorKind::Transient => {}
                Err(error) => return Err(error),
            }
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
        let one = Mark::after("x");
        let two = Mark::after(&one.to_string());
        for mark in [Mark::unconditional(), Mark::of_new(), one, two] {
            assert_eq!(Mark::parse(&mark.to_string()), Some(mark));
        }
        assert_ne!(Mark::of_new().id, Mark::of_new().id);
        assert_eq!(Mark::parse(""), None);
        assert_eq!(Mark::parse("not a mark"), None);
    }

    #[test]
    fn a_write_is_found_under_many_later_ones_and_marks_stay_short() {
        let found =
            |mark: &Mark| Found { state: mark.id.clone(), mark: Some(mark.clone()), version: None };
        let before = Mark::of_new();
        let ours = Mark::after(&before.to_string());
        let other = Mark::after(&before.to_string());
        let (mut after_us, mut after_other) = (ours.clone(), other);
        for _ in 0..DEPTH {
            assert_eq!(judge(&ours, Some(found(&after_us))), Verdict::Written(None));
            after_us = Mark::after(&after_us.to_string());
        }
        for _ in 0..DEPTH - 1 {
            assert_eq!(judge(&ours, Some(found(&after_other))), Verdict::Lost);
            after_other = Mark::after(&after_other.to_string());
        }
        for _ in 0..100 {
            after_us = Mark::after(&after_us.to_string());
        }
        assert_eq!(judge(&ours, Some(found(&after_us))), Verdict::Unclear);
        assert!(after_us.to_string().len() < 256);
        assert_eq!(judge(&ours, Some(found(&before))), Verdict::Untouched);
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
