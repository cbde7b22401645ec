//! The token that requests carry: fetched once for all who need it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bigarrays_core::backend::ErrorKind;
use http::HeaderValue;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::failure::Failure;
use super::source::{Fetched, Source};

/// A token is replaced so long before its end that a failing replacement can be tried again.
const EARLY: Duration = Duration::from_secs(225);
/// A token is not sent any more so long before its end: the request must arrive in time.
const LATE: Duration = Duration::from_secs(10);
/// After a replacement failed while the old token still holds.
const PAUSE: Duration = Duration::from_secs(10);
/// A server that refuses every token is not brought more than one in this time.
const REFUSAL: Duration = Duration::from_secs(30);

/// A token, and whether a server has taken it.
#[derive(Debug)]
pub(super) struct Token {
    header: HeaderValue,
    accepted: AtomicBool,
    /// When it is not to be sent any more; `None` if that is not known.
    end: Option<Instant>,
}

impl Token {
    pub(super) fn header(&self) -> &HeaderValue {
        &self.header
    }

    pub(super) fn was_accepted(&self) {
        self.accepted.store(true, Ordering::Relaxed);
    }

    fn is_live(&self) -> bool {
        self.end.is_none_or(|end| Instant::now() < end)
    }
}

#[derive(Debug, Default)]
struct State {
    token: Option<Arc<Token>>,
    /// When the token is to be replaced.
    due: Option<Instant>,
    /// The last failure, and when it was known.
    failed: Option<(Instant, Failure)>,
    /// When a refused token was last replaced.
    replaced: Option<Instant>,
}

/// Where tokens come from, and the one in use.
#[derive(Debug)]
pub(super) struct Tokens {
    source: Source,
    patience: Duration,
    // Held while a token is fetched: that makes everyone else wait for this one.
    state: Mutex<State>,
}

impl Tokens {
    /// Tokens from a source that may take so long for each.
    pub(super) fn new(source: Source, patience: Duration) -> Self {
        Self { source, patience, state: Mutex::default() }
    }

    /// A token that is still good as far as we know.
    pub(super) async fn current(&self) -> Result<Arc<Token>, Failure> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        if let Some(token) = &state.token
            && state.due.is_none_or(|due| Instant::now() < due)
        {
            return Ok(Arc::clone(token));
        }
        self.fetch(&mut state, asked).await
    }

    /// Another token than the one that a server refused. `None`: there is no use in one.
    pub(super) async fn instead_of(
        &self,
        refused: &Arc<Token>,
    ) -> Result<Option<Arc<Token>>, Failure> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        match &state.token {
            // Somebody else was refused too, and was quicker.
            Some(token) if !Arc::ptr_eq(token, refused) => return Ok(Some(Arc::clone(token))),
            _ => {}
        }
        let recent = state.replaced.is_some_and(|at| at.elapsed() < REFUSAL);
        if recent && !refused.accepted.load(Ordering::Relaxed) {
            return Ok(None);
        }
        state.replaced = Some(asked);
        state.token = None;
        self.fetch(&mut state, asked).await.map(Some)
    }

    /// Fetches a token, unless that failed while the caller was waiting for its turn.
    async fn fetch(&self, state: &mut State, asked: Instant) -> Result<Arc<Token>, Failure> {
        let old = state.token.as_ref().filter(|token| token.is_live()).map(Arc::clone);
        let fetched = match &state.failed {
            Some((at, failure)) if *at >= asked => Err(failure.clone()),
            _ => {
                let fetched = timeout(self.patience, self.source.fetch()).await;
                let late = || Failure::transient(format!("no token within {:?}", self.patience));
                fetched.unwrap_or_else(|_| Err(late())).and_then(token_of)
            }
        };
        match (fetched, old) {
            (Ok((token, due)), _) => {
                let token = Arc::new(token);
                (state.token, state.due) = (Some(Arc::clone(&token)), due);
                state.failed = None;
                Ok(token)
            }
            (Err(failure), Some(old)) => {
                tracing::debug!(target: "bigarrays::gcs", ?failure, "no new token");
                state.due = Some(Instant::now() + PAUSE);
                Ok(old)
            }
            (Err(failure), None) => {
                state.failed = Some((Instant::now(), failure.clone()));
                Err(failure)
            }
        }
    }
}

/// A token as a header, and when it is to be replaced. Its life is counted from here on by a
/// clock that nobody sets.
pub(super) fn token_of(fetched: Fetched) -> Result<(Token, Option<Instant>), Failure> {
    let text = format!("Bearer {}", fetched.token.reveal());
    let mut header = HeaderValue::from_str(&text).map_err(|_| {
        Failure::new(ErrorKind::Unauthenticated, "the token has characters that no header can have")
    })?;
    header.set_sensitive(true);
    let now = Instant::now();
    let life = fetched.life;
    // A life that ends beyond all clocks is one whose end is not known.
    let due = life.and_then(|life| now.checked_add(life.saturating_sub(EARLY.min(life / 4))));
    let end = life.and_then(|life| now.checked_add(life.saturating_sub(LATE.min(life / 10))));
    Ok((Token { header, accepted: AtomicBool::new(false), end }, due))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    use futures::future::join_all;

    /// Tokens that are counted, by a source that lasts until all have asked.
    fn counted(life: Duration) -> (Arc<Tokens>, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&count);
        let source = Source::test(move || {
            let number = seen.fetch_add(1, Ordering::SeqCst);
            Ok(Fetched { token: format!("token-{number}").into(), life: Some(life) })
        });
        (Arc::new(Tokens::new(source, Duration::from_secs(5))), count)
    }

    fn failing() -> (Arc<Tokens>, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&count);
        let source = Source::test(move || {
            seen.fetch_add(1, Ordering::SeqCst);
            Err(Failure::new(ErrorKind::Unauthenticated, "no"))
        });
        (Arc::new(Tokens::new(source, Duration::from_secs(5))), count)
    }

    #[tokio::test]
    async fn all_who_need_a_token_share_one() {
        let (tokens, count) = counted(Duration::from_secs(3600));
        let all = join_all((0..50).map(|_| tokens.current())).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn all_who_were_refused_share_one_replacement() {
        let (tokens, count) = counted(Duration::from_secs(3600));
        let first = tokens.current().await.unwrap();
        first.was_accepted();
        let all = join_all((0..50).map(|_| tokens.instead_of(&first))).await;
        assert!(all.iter().all(|token| matches!(token, Ok(Some(_)))));
        assert_eq!(count.load(Ordering::SeqCst), 2);
        // A server that refuses the new one as well is not brought a third.
        let second = tokens.current().await.unwrap();
        for _ in 0..10 {
            assert!(tokens.instead_of(&second).await.unwrap().is_none());
        }
        assert_eq!(count.load(Ordering::SeqCst), 2);
        // One that was good for a while is replaced at once.
        second.was_accepted();
        assert!(tokens.instead_of(&second).await.unwrap().is_some());
        assert_eq!(count.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_failure_is_told_to_all_who_waited_for_it() {
        let (tokens, count) = failing();
        let all = join_all((0..50).map(|_| tokens.current())).await;
        assert!(all.iter().all(Result::is_err));
        assert_eq!(count.load(Ordering::SeqCst), 1);
        // Whoever comes later may try again.
        assert!(tokens.current().await.is_err());
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_token_is_replaced_before_its_end_and_kept_if_that_fails() {
        let hour = Duration::from_secs(3600);
        let fetched = |life| Fetched { token: "t".into(), life };
        let (_, due) = token_of(fetched(Some(hour))).unwrap();
        let left = due.unwrap() - Instant::now();
        assert!(left <= hour - EARLY && left > hour - EARLY - Duration::from_secs(60));
        let (_, due) = token_of(fetched(None)).unwrap();
        assert_eq!(due, None);

        let (tokens, _) = failing();
        let (token, _) = token_of(fetched(Some(hour))).unwrap();
        let mut state = tokens.state.lock().await;
        (state.token, state.due) = (Some(Arc::new(token)), Some(Instant::now()));
        drop(state);
        assert!(tokens.current().await.is_ok());
    }

    #[test]
    fn a_token_shows_nowhere_and_must_be_a_header() {
        let (token, _) = token_of(Fetched { token: "hunter2".into(), life: None }).unwrap();
        assert!(!format!("{token:?} {token:#?}").contains("hunter2"));
        let bad = token_of(Fetched { token: "a\nb".into(), life: None }).unwrap_err();
        assert_eq!(bad.kind, ErrorKind::Unauthenticated);
    }
}
