//! Who may ask: tokens.

use std::fmt;
use std::fs;
use std::path::Path;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::app::App;
use crate::error::ServeError;
use crate::fault::Fault;
use crate::viewer;

/// The viewer sends it.
const X_REQUESTED_WITH: &str = "x-requested-with";
/// Shorter ones can be guessed.
const SHORTEST: usize = 16;

/// Tokens, each of which lets its holder in. Only their digests are kept.
#[derive(Clone)]
pub struct Tokens(Vec<[u8; 32]>);

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({})", self.0.len())
    }
}

impl Tokens {
    /// The tokens of a file: one a line; empty lines and those that begin with `#` are left out.
    ///
    /// # Errors
    /// [`ServeError::File`] if it cannot be read, has none, or one that is too short.
    pub fn read(path: &Path) -> Result<Self, ServeError> {
        let text = fs::read_to_string(path).map_err(|error| ServeError::file(path, error))?;
        let lines = text.lines().map(str::trim);
        let tokens: Vec<&str> =
            lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        if tokens.is_empty() {
            return Err(ServeError::file(path, "it has no token; write one a line"));
        }
        if tokens.iter().any(|token| token.len() < SHORTEST) {
            let reason = format!("a token has {SHORTEST} characters or more");
            return Err(ServeError::file(path, reason));
        }
        Ok(Self::new(tokens))
    }

    /// These tokens.
    #[must_use]
    pub fn new<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Self {
        Self(tokens.into_iter().map(digest).collect())
    }

    /// Whether this is one of them. It takes as long whichever it is, and whether it is one.
    fn have(&self, token: &str) -> bool {
        let asked = digest(token);
        let found = self.0.iter().fold(Choice::from(0), |found, one| found | one.ct_eq(&asked));
        found.into()
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// The token of a request: `Bearer TOKEN`, or the password of `Basic`, which is how a browser and
/// `http://user:TOKEN@host` send it.
fn token(headers: &HeaderMap) -> Option<String> {
    let said = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = said.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64_STANDARD.decode(rest.trim()).ok()?).ok()?;
    Some(pair.split_once(':')?.1.to_owned())
}

/// Lets pass who has a token. Whether the server lives, everybody may know, and pages are public;
/// and browsers ask without a token whether they may ask with one.
pub(crate) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(tokens) = &app.options.tokens else { return next.run(request).await };
    let path = request.uri().path();
    if path == "/health" || viewer::is_page(path) || request.method() == Method::OPTIONS {
        return next.run(request).await;
    }
    if token(request.headers()).is_some_and(|token| tokens.have(&token)) {
        return next.run(request).await;
    }
    let is_of_page = request.headers().contains_key(X_REQUESTED_WITH);
    let message = "a token is needed: Authorization: Bearer TOKEN";
    let mut response = Fault::new(StatusCode::UNAUTHORIZED, message).into_response();
    // Browsers ask for a password where Basic is offered. The viewer asks for the token itself.
    let ways = match is_of_page {
        true => "Bearer realm=\"bigarrays\"",
        false => "Basic realm=\"bigarrays\", charset=\"UTF-8\"",
    };
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(ways));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(authorization: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static(authorization));
        token(&headers)
    }

    #[test]
    fn only_a_whole_token_is_one() {
        let tokens = Tokens::new(["0123456789abcdef", "fedcba9876543210"]);
        assert!(tokens.have("fedcba9876543210"));
        for other in ["", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeF"] {
            assert!(!tokens.have(other), "{other}");
        }
    }

    #[test]
    fn tokens_come_as_bearer_or_as_a_password() {
        assert_eq!(said("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(said("bearer  abc").as_deref(), Some("abc"));
        assert_eq!(said("Basic dXNlcjphYmM=").as_deref(), Some("abc"));
        for other in ["abc", "Basic abc", "Basic !!!", "Digest abc", "Bearer"] {
            assert_eq!(said(other), None, "{other}");
        }
    }

    #[test]
    fn a_file_of_tokens_has_one_a_line_and_none_that_is_short() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        fs::write(&path, "# mine\n\n 0123456789abcdef \n").unwrap();
        assert!(Tokens::read(&path).unwrap().have("0123456789abcdef"));
        for text in ["", "# none\n", "short\n"] {
            fs::write(&path, text).unwrap();
            assert!(Tokens::read(&path).is_err(), "{text}");
        }
    }
}
