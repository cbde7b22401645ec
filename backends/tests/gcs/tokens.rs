//! Who the store is: credentials, tokens and their end.

use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bigarrays_backends::gcs::{Credentials, GcsBackend};
use bigarrays_backends::remote::Secret;
use bigarrays_core::backend::{
    BackendError, ByteRange, ErrorKind, KeyValueBackend, Precondition, wait,
};
use futures::future::join_all;
use serde_json::{Value as Json, json};

use super::common::{delete, get, key, keys, put};
use super::front::Front;

fn kind_of_get(store: &GcsBackend) -> Option<ErrorKind> {
    let answer = wait(store.get(&key("a"), ByteRange::Full));
    answer.err().as_ref().map(BackendError::kind)
}

#[test]
fn a_service_account_is_let_in_with_the_scope_for_what_it_does() {
    let Some(front) = Front::start() else { return };
    let store = front.open();
    put(&store, "a", "1");
    assert_eq!(get(&store, "a").as_deref(), Some("1"));
    assert_eq!(keys(&store, ""), ["a"]);
    let reader = front.options("service.json").read_only(true).open().unwrap();
    assert_eq!(get(&reader, "a").as_deref(), Some("1"));
    delete(&store, "a");
    assert_eq!(get(&store, "a"), None);
    let scope = |access| format!("https://www.googleapis.com/auth/devstorage.{access}");
    assert_eq!(front.state()["scopes"], json!([scope("read_write"), scope("read_only")]));
    assert_eq!(front.count("refused"), 0);
}

#[test]
fn a_service_account_can_be_given_as_text_and_a_user_as_gcloud_writes_it() {
    let Some(front) = Front::start() else { return };
    for credentials in [
        Credentials::json(front.text("service.json")),
        Credentials::json(front.text("user.json")),
        Credentials::file(front.file("user.json")),
    ] {
        let store = front.as_who(credentials).open().unwrap();
        put(&store, "a", "1");
        assert_eq!(get(&store, "a").as_deref(), Some("1"));
    }
    assert_eq!(front.count("tokens"), 3);
}

#[test]
fn a_wrong_key_is_not_let_in() {
    let Some(front) = Front::start() else { return };
    // To write to a server that is not Google's it is tried out.
    let error = front.options("wrong.json").open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
    assert!(error.to_string().contains("clock"), "{error}");
    let reader = front.options("wrong.json").read_only(true).open().unwrap();
    assert_eq!(kind_of_get(&reader), Some(ErrorKind::Unauthenticated));
    let user = front.text("user.json").replace("1//refresh", "1//revoked");
    let error = front.as_who(Credentials::json(user)).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
    assert_eq!(front.count("requests"), 0);
}

#[test]
fn nobody_is_not_let_in_and_is_told_why() {
    let Some(front) = Front::start() else { return };
    let store = front.as_who(Credentials::anonymous()).open().unwrap();
    let error = wait(store.get(&key("a"), ByteRange::Full)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.to_string().contains("anonymous"), "{error}");
    let put = wait(store.put(&key("a"), "1".into(), Precondition::Always)).unwrap_err();
    assert_eq!(put.kind(), ErrorKind::Unauthenticated);
    assert_eq!(front.count("tokens"), 0);
}

#[test]
fn a_token_that_ends_in_mid_run_is_replaced_once_for_all_requests() {
    let Some(front) = Front::start() else { return };
    let store = front.open();
    let names: Vec<_> = (0..16).map(|n| format!("value-{n}")).collect();
    for name in &names {
        put(&store, name, name.clone());
    }
    assert_eq!((front.count("tokens"), front.count("refused")), (1, 0));
    // All 16 are at the server with the old token before the first of them is refused.
    front.control(&json!({"revoke": true, "gather": 16}));
    let wanted: Vec<_> = names.iter().map(|name| key(name)).collect();
    let gets = wanted.iter().map(|key| store.get(key, ByteRange::Full));
    for (name, blob) in names.iter().zip(wait(join_all(gets.collect::<Vec<_>>()))) {
        assert_eq!(blob.unwrap().unwrap().bytes, name.as_bytes());
    }
    assert_eq!((front.count("tokens"), front.count("refused")), (2, 16));
    // So is one that ends while something is written.
    front.control(&json!({"revoke": true}));
    put(&store, "a", "1");
    assert_eq!((front.count("tokens"), front.count("refused")), (3, 17));
}

#[test]
fn a_server_that_refuses_all_tokens_is_not_stormed() {
    let Some(front) = Front::start() else { return };
    let store = front.open();
    put(&store, "a", "1");
    front.control(&json!({"refuse": true}));
    let gets = (0..40).map(|_| async { store.get(&key("a"), ByteRange::Full).await });
    for answer in wait(join_all(gets.collect::<Vec<_>>())) {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Unauthenticated);
    }
    assert_eq!(front.count("tokens"), 2);
    // Each was repeated once at most.
    assert!(front.count("refused") <= 80);
    front.control(&json!({"refuse": false}));
    assert_eq!(get(&store, "a").as_deref(), Some("1"));
}

#[test]
fn tokens_of_the_programs_own_are_asked_for_again_when_they_are_refused() {
    let Some(front) = Front::start() else { return };
    // Tokens that this front takes, got by another store.
    let other = front.open();
    let newest = |front: &Front| front.state()["issued"].as_array().unwrap().last().cloned();
    let current = Arc::new(std::sync::Mutex::new(newest(&front)));
    let calls = Arc::new(AtomicUsize::new(0));
    let (given, counted) = (Arc::clone(&current), Arc::clone(&calls));
    let store = front
        .as_who(Credentials::tokens(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let token = given.lock().unwrap().clone();
            let text = token.as_ref().and_then(Json::as_str).ok_or("there is none")?;
            Ok::<_, &str>(Secret::new(text))
        }))
        .open()
        .unwrap();
    put(&store, "a", "1");
    assert_eq!(get(&store, "a").as_deref(), Some("1"));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    front.control(&json!({"revoke": true}));
    assert_eq!(get(&other, "a").as_deref(), Some("1"));
    *current.lock().unwrap() = newest(&front);
    assert_eq!(get(&store, "a").as_deref(), Some("1"));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    // A program that has none is told with its own reason.
    front.control(&json!({"revoke": true}));
    *current.lock().unwrap() = None;
    let error = wait(store.get(&key("a"), ByteRange::Full)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!(error.source().unwrap().to_string(), "there is none");
}

#[test]
fn a_server_of_tokens_out_of_reach_is_a_failure_for_the_moment() {
    let Some(front) = Front::start() else { return };
    // A port that was just free.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for file in ["service.json", "user.json"] {
        let text = front.text(file).replace(&front.address.to_string(), &closed.to_string());
        let options = front.as_who(Credentials::json(text)).read_only(true);
        assert_eq!(kind_of_get(&options.open().unwrap()), Some(ErrorKind::Transient), "{file}");
    }
}

#[test]
fn credentials_that_cannot_be_used_are_told_when_the_store_is_opened() {
    let Some(front) = Front::start() else { return };
    let account = front.text("service.json");
    let mut all = vec![
        "not JSON".to_owned(),
        "{}".to_owned(),
        r#"{"type":"external_account"}"#.to_owned(),
        r#"{"type":"authorized_user","client_id":"a"}"#.to_owned(),
        account.replace("http://127", "nonsense 127"),
        account.replace("http://127", "file:///127"),
        account.replace("-----BEGIN", "-----BEGUN"),
    ];
    for field in ["client_email", "private_key"] {
        let mut json: Json = serde_json::from_str(&account).unwrap();
        json[field] = 7.into();
        all.push(json.to_string());
    }
    for text in all {
        let error = front.as_who(Credentials::json(text)).open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
        assert_hidden(&shown(&error), &secrets(&front));
    }
    let error = front.options("nowhere.json").open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.to_string().contains("nowhere.json"), "{error}");
    assert_eq!(front.count("requests"), 0);
}

/// An error with all of its causes, in every form.
fn shown(error: &BackendError) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!("\n{error} {error:?}");
        cause = error.source();
    }
    text
}

/// All that must not be seen: parts of keys, and tokens.
fn secrets(front: &Front) -> Vec<String> {
    let mut all = Vec::new();
    for file in ["service.json", "wrong.json"] {
        let json: Json = serde_json::from_str(&front.text(file)).unwrap();
        let key = json["private_key"].as_str().unwrap();
        all.extend(key.lines().filter(|line| !line.contains("-----")).map(ToOwned::to_owned));
    }
    let user: Json = serde_json::from_str(&front.text("user.json")).unwrap();
    for field in ["client_secret", "refresh_token"] {
        all.push(user[field].as_str().unwrap().to_owned());
    }
    let state = front.state();
    all.extend(state["issued"].as_array().unwrap().iter().map(|t| t.as_str().unwrap().to_owned()));
    all
}

fn assert_hidden(text: &str, secrets: &[String]) {
    for secret in secrets {
        assert!(!text.contains(secret.as_str()), "{secret} shows in {text}");
    }
}

#[test]
fn secrets_show_nowhere() {
    let Some(front) = Front::start() else { return };
    let mut text = String::new();
    for file in ["service.json", "user.json", "wrong.json"] {
        for credentials in
            [Credentials::json(front.text(file)), Credentials::file(front.file(file))]
        {
            let options = front.as_who(credentials.clone());
            text += &format!("{credentials:?} {credentials:#?} {options:?} {options:#?}");
            match options.open() {
                Ok(store) => {
                    put(&store, "a", "1");
                    text += &format!("{store} {store:?} {store:#?}");
                }
                Err(error) => text += &shown(&error),
            }
        }
    }
    let store = front.open();
    for (fault, method) in [(json!("before"), "GET"), (json!(403), "GET"), (json!(500), "POST")] {
        front.break_next(method, "", 9, &fault);
        let get = wait(store.get(&key("a"), ByteRange::Full)).err();
        let put = wait(store.put(&key("b"), "1".into(), Precondition::Always)).err();
        text.extend(get.iter().chain(&put).map(shown));
    }
    front.control(&json!({"refuse": true, "fault": null}));
    text += &shown(&wait(store.get(&key("a"), ByteRange::Full)).unwrap_err());
    let secrets = secrets(&front);
    assert!(secrets.len() > 50 && text.len() > 2000);
    assert_hidden(&text, &secrets);
}
