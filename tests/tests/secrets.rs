//! No secret shows: not in what is printed of stores and options, nor in errors and their causes,
//! nor in what the libraries below tell to `tracing` and `log`, at their most talkative.
//!
//! Credentials come from the environment too, so each case is a program of its own: this one,
//! started again. It prints everything that can be shown, and its parent reads that.
#![cfg(all(feature = "s3", feature = "gcs", feature = "azure", feature = "http"))]
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "what a child prints is what is looked at"
)]

use std::env;
use std::error::Error;
use std::fmt::{self, Debug, Display, Write as _};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use bigarrays::backend::{BackendResult, ByteRange, KeyValueBackend, KeyValueBackendExt, wait};
use bigarrays::backends::gcs::{Credentials as GcsCredentials, GcsBackend};
use bigarrays::backends::http::HttpBackend;
use bigarrays::backends::object::azure::AzureOptions;
use bigarrays::backends::remote::Timeouts;
use bigarrays::backends::s3::{Credentials as S3Credentials, S3Backend};
use bigarrays::{Key, OpenOptions, Prefix};
use bigarrays_tests::command;

/// What must not show: letters, so that no form of quoting changes it.
const CANARY: &str = "CanaryThatMustNotShowAnywhere";
/// It in the forms in which requests have it: as base64 by itself (which is the key of an Azure
/// account, too), and behind `me:` as the password of a user.
const ENCODED: [&str; 2] =
    ["Q2FuYXJ5VGhhdE11c3ROb3RTaG93QW55d2hlcmU=", "bWU6Q2FuYXJ5VGhhdE11c3ROb3RTaG93QW55d2hlcmU="];
/// Says which case a child is.
const CASE: &str = "BIGARRAYS_SECRETS_CASE";
/// Where it finds servers.
const SERVERS: &str = "BIGARRAYS_SECRETS_SERVERS";

/// Fails if a text has the secret in any form.
fn assert_hidden(text: &str, what: &str) {
    let forms = ENCODED.iter().map(|form| form.trim_end_matches('='));
    for form in forms.chain([CANARY]) {
        for line in text.lines() {
            assert!(!line.contains(form), "{what} shows the secret: {line}");
        }
    }
}

/// Prints what is told to `tracing` and to `log`, everything.
struct Printer;

impl Printer {
    fn print(text: &str) {
        static TURN: Mutex<()> = Mutex::new(());
        let _turn = TURN.lock();
        // No `println!`: the harness would swallow what other threads say.
        let _ = writeln!(std::io::stdout(), "told: {text}");
    }
}

struct Fields(String);

impl tracing::field::Visit for Fields {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?} {value:#?}");
    }
    fn record_bytes(&mut self, field: &tracing::field::Field, value: &[u8]) {
        let _ = write!(self.0, " {field}={}", String::from_utf8_lossy(value));
    }
}

impl tracing::Subscriber for Printer {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        let mut fields = Fields(span.metadata().name().to_owned());
        span.record(&mut fields);
        Self::print(&fields.0);
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        let mut fields = Fields(String::new());
        values.record(&mut fields);
        Self::print(&fields.0);
    }
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields(event.metadata().target().to_owned());
        event.record(&mut fields);
        Self::print(&fields.0);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

impl log::Log for Printer {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        Self::print(&format!("{} {}", record.target(), record.args()));
    }
    fn flush(&self) {}
}

/// Prints an error and its causes, in every way.
fn show_error(error: &(dyn Error + 'static)) {
    let mut next = Some(error);
    while let Some(error) = next {
        println!("error: {error} {error:?} {error:#?}");
        next = error.source();
    }
}

/// Prints a value in every way.
fn show(value: &(impl Debug + ?Sized)) {
    println!("debug: {value:?} {value:#?}");
}

/// Asks a store everything, and prints it and its answers.
fn use_it<S: KeyValueBackend + ?Sized>(store: &S) {
    println!("store: {store} {store:?} {store:#?}");
    let key = Key::new("some/key").expect("a key");
    let errors = [
        wait(store.get(&key, ByteRange::Full)).err(),
        wait(store.get(&key, ByteRange::Bounded(3..9))).err(),
        wait(store.head(&key)).err(),
        wait(store.put_always(&key, "value")).err(),
        wait(store.list_all(&Prefix::root())).err(),
        wait(store.delete_batch(std::slice::from_ref(&key))).err(),
    ];
    assert!(errors.iter().any(Option::is_some), "nothing failed");
    errors.iter().flatten().for_each(|error| show_error(error));
}

fn opened<S: KeyValueBackend>(store: BackendResult<S>) {
    match store {
        Ok(store) => use_it(&store),
        Err(error) => show_error(&error),
    }
}

/// Opens a URL as a store and as a volume.
fn open(url: &str) {
    println!("shown: {}", bigarrays::without_secrets(url));
    match bigarrays::open_store(url) {
        Ok(store) => println!("store: {store} {store:?} {store:#?}"),
        Err(error) => show_error(&error),
    }
    if let Err(error) = OpenOptions::new().read_only().open(url) {
        show_error(&error);
    }
}

/// Waits that are over soon.
fn timeouts() -> Timeouts {
    let second = Duration::from_secs(1);
    Timeouts { connect: second, idle: second, total: Duration::from_secs(3) }
}

/// Secrets given in code, to every store that takes any.
fn in_code(server: &str) {
    let pair = S3Credentials::new(CANARY, CANARY).with_session_token(CANARY);
    show(&pair);
    let options = S3Backend::builder("vol").endpoint(server).credentials(pair).timeouts(timeouts());
    show(&options);
    opened(options.open());

    let azure = || AzureOptions::new("vol").account("lab").endpoint(format!("{server}/lab"));
    let signature = format!("sv=2024-01-01&sp=rl&sig={CANARY}");
    for options in [azure().key(ENCODED[0]), azure().signature(signature), azure().token(CANARY)] {
        show(&options);
        opened(options.timeouts(timeouts()).open());
    }

    let user = google_user(server);
    for credentials in [
        GcsCredentials::json(user.as_str()),
        GcsCredentials::tokens(|| Ok::<_, std::io::Error>(CANARY.into())),
        GcsCredentials::tokens(|| Err::<bigarrays::backends::remote::Secret, _>("none today")),
        GcsCredentials::json(format!(
            "{{\"type\": \"service_account\", \"private_key\": \"{CANARY}\", \"client_email\": \"me\"}}"
        )),
        GcsCredentials::json(format!("not JSON: {CANARY}")),
    ] {
        show(&credentials);
        let options = GcsBackend::builder("vol").endpoint(server).credentials(credentials);
        let options = options.timeouts(timeouts());
        show(&options);
        opened(options.open());
    }

    let http = || HttpBackend::builder(server).timeouts(timeouts());
    for options in [
        http().bearer(CANARY).parameter("code", CANARY),
        http().login("me", CANARY).parameter("X-Amz-Signature", CANARY),
        http().parameter(CANARY, "value").bearer(format!("{CANARY}\n")),
    ] {
        show(&options);
        opened(options.open());
    }
}

fn google_user(server: &str) -> String {
    format!(
        r#"{{"type": "authorized_user", "client_id": "me", "client_secret": "{CANARY}",
        "refresh_token": "{CANARY}", "token_uri": "{server}/token"}}"#
    )
}

/// Secrets in URLs, also where they do not belong.
fn urls(server: &str) -> Vec<String> {
    let host = server.trim_start_matches("http://");
    [
        format!("http://me:{CANARY}@{host}/vol"),
        format!("http://me:{CANARY}@{host}/vol?missing=404"),
        format!("http://{CANARY}@{host}/vol"),
        format!("http://me:{CANARY}/{CANARY}@{host}/vol"),
        format!("http://me:{CANARY}?{CANARY}@{host}/vol"),
        format!("http://me:{CANARY}@[nonsense/vol"),
        format!("{server}/vol?token={CANARY}&sig={CANARY}&X-Amz-Signature={CANARY}"),
        format!("{server}/vol?X-Amz-Security-Token={CANARY}&prefix=../up"),
        format!("{server}/vol?password={CANARY}&cache-age=nonsense&cache=/dev/null/x"),
        format!("precomputed://http://me:{CANARY}@{host}/vol|neuroglancer-precomputed:"),
        format!("zarr://http://me:{CANARY}@{host}/vol?token={CANARY}"),
        format!("s3://http://me:{CANARY}@{host}/vol"),
        format!("s3://vol/em?endpoint=http://me:{CANARY}@{host}"),
        format!("s3://vol/em?endpoint=me:{CANARY}@nonsense"),
        format!("s3://vol/em?secret_access_key={CANARY}"),
        format!("s3://me:{CANARY}@vol/em?endpoint={server}"),
        format!("az://me:{CANARY}/{CANARY}@vol/em?account=lab&endpoint={server}"),
        format!("{server}/vol?{CANARY}"),
        format!("gs://vol/em?endpoint=http://me:{CANARY}@{host}"),
        format!("gs://me:{CANARY}@vol/em?token={CANARY}"),
        format!("az://vol/em?account=lab&endpoint=http://me:{CANARY}@{host}/lab"),
        format!("az://vol/em?account=lab&endpoint={server}&sig={CANARY}"),
        format!("nothing://me:{CANARY}@{host}/vol?token={CANARY}"),
    ]
    .into()
}

/// Secrets from the environment and from files that it names.
fn from_surroundings(server: &str, answers: bool) {
    opened(S3Backend::builder("vol").endpoint(server).timeouts(timeouts()).open());
    opened(S3Backend::builder("vol").endpoint(server).profile("lab").timeouts(timeouts()).open());
    opened(GcsBackend::builder("vol").endpoint(server).timeouts(timeouts()).open());
    let azure = AzureOptions::new("vol").account("lab").endpoint(format!("{server}/lab"));
    opened(azure.timeouts(timeouts()).open());
    opened(AzureOptions::new("vol").timeouts(timeouts()).open());
    if !answers {
        // What is opened by its URL is tried again for a while.
        return;
    }
    for scheme in ["s3", "gs"] {
        open(&format!("{scheme}://vol/em?endpoint={server}"));
    }
    let path = env::var("GOOGLE_APPLICATION_CREDENTIALS").unwrap_or_default();
    open(&format!("gs://vol/em?endpoint={server}&secret={path}"));
}

/// A child; the parent starts it.
#[test]
fn a_child_shows_all_it_can() {
    let (Ok(case), Ok(servers)) = (env::var(CASE), env::var(SERVERS)) else { return };
    tracing::subscriber::set_global_default(Printer).expect("the only one");
    log::set_logger(&Printer).expect("the only one");
    log::set_max_level(log::LevelFilter::Trace);
    for (server, answers) in servers.split(' ').zip([true, false]) {
        match case.as_str() {
            "code" => in_code(server),
            "urls" if answers => urls(server).iter().for_each(|url| open(url)),
            "urls" => {}
            _ => from_surroundings(server, answers),
        }
    }
    println!("all is shown");
}

/// A server that refuses everything, and a port that nobody listens on.
fn servers() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let refusing = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            thread::spawn(move || refuse(connection));
        }
    });
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    format!("http://{refusing} http://{}", nobody.expect("an address"))
}

fn refuse(mut connection: std::net::TcpStream) {
    const BODY: &str = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    let mut request = [0; 8192];
    let _ = connection.read(&mut request);
    let answer = format!(
        "HTTP/1.1 403 Forbidden\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{BODY}",
        BODY.len()
    );
    let _ = connection.write_all(answer.as_bytes());
    let _ = connection.shutdown(Shutdown::Write);
}

/// A program that sees nothing of this one's environment that could be a credential.
fn clean(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    let ours =
        |name: &str| ["AWS_", "AZURE_", "GOOGLE_", "CLOUD"].iter().any(|p| name.starts_with(p));
    for (name, _) in env::vars().filter(|(name, _)| ours(name)) {
        command.env_remove(name);
    }
    command.env("HOME", home).env("BIGARRAYS_CACHE", home.join("cache"));
    command
}

fn child(case: &str, servers: &str, home: &Path, variables: &[(&str, &str)]) {
    let mut child = clean(&env::current_exe().expect("this program"), home);
    child.args(["--exact", "a_child_shows_all_it_can", "--nocapture"]);
    child.env(CASE, case).env(SERVERS, servers).envs(variables.iter().copied());
    let output = child.output().expect("a child");
    let text = bigarrays_tests::text(&output);
    assert_hidden(&text, case);
    assert!(output.status.success() && text.contains("all is shown"), "{case}: {text}");
    assert!(text.contains("error: ") && text.contains("told: "), "{case} tells little: {text}");
}

#[test]
fn no_secret_shows_that_was_given_in_code_or_in_a_url() {
    let home = tempfile::tempdir().expect("a folder");
    let servers = servers();
    child("code", &servers, home.path(), &[]);
    child("urls", &servers, home.path(), &[]);
}

#[test]
fn no_secret_shows_that_was_found_in_the_environment() {
    let home = tempfile::tempdir().expect("a folder");
    let servers = servers();
    let file = home.path().join("google.json");
    let first = servers.split(' ').next().unwrap_or_default();
    fs::write(&file, google_user(first)).expect("a file");
    let file = file.display().to_string();
    let aws = [
        ("AWS_ACCESS_KEY_ID", CANARY),
        ("AWS_SECRET_ACCESS_KEY", CANARY),
        ("AWS_SESSION_TOKEN", CANARY),
    ];
    let google = ("GOOGLE_APPLICATION_CREDENTIALS", file.as_str());
    let connection = format!("AccountName=lab;AccountKey={};BlobEndpoint={first}/lab", ENCODED[0]);
    let signature = format!("sv=2024-01-01&sp=rl&sig={CANARY}");
    let authority = format!("{first}/");
    for azure in [
        vec![("AZURE_STORAGE_CONNECTION_STRING", connection.as_str())],
        vec![("AZURE_STORAGE_ACCOUNT_NAME", "lab"), ("AZURE_STORAGE_KEY", ENCODED[0])],
        vec![("AZURE_STORAGE_ACCOUNT_NAME", "lab"), ("AZURE_STORAGE_KEY", CANARY)],
        vec![("AZURE_STORAGE_ACCOUNT_NAME", "lab"), ("AZURE_STORAGE_SAS_TOKEN", &signature)],
        vec![
            ("AZURE_STORAGE_ACCOUNT_NAME", "lab"),
            ("AZURE_CLIENT_ID", "me"),
            ("AZURE_TENANT_ID", "here"),
            ("AZURE_CLIENT_SECRET", CANARY),
            ("AZURE_AUTHORITY_HOST", &authority),
        ],
    ] {
        let variables: Vec<_> = aws.into_iter().chain([google]).chain(azure).collect();
        child("environment", &servers, home.path(), &variables);
    }
}

#[test]
fn no_secret_shows_that_was_found_in_a_file() {
    let home = tempfile::tempdir().expect("a folder");
    let servers = servers();
    let write = |name: &str, text: String| {
        let path = home.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    let secret =
        format!(r#"{{"AWS_ACCESS_KEY_ID": "{CANARY}", "AWS_SECRET_ACCESS_KEY": "{CANARY}"}}"#);
    write(".cloudvolume/secrets/aws-secret.json", secret);
    write(".cloudvolume/secrets/google-secret.json", google_user("http://127.0.0.1:9"));
    child("files", &servers, home.path(), &[]);
    let pair = format!(
        "aws_access_key_id={CANARY}\naws_secret_access_key={CANARY}\naws_session_token={CANARY}\n"
    );
    write(".aws/credentials", format!("[default]\n{pair}[lab]\n{pair}"));
    write(".cloudvolume/secrets/google-secret.json", format!("{{\"private_key\": {CANARY}"));
    child("files", &servers, home.path(), &[]);
}

#[test]
fn the_command_shows_no_secret() {
    let Some(program) = command() else { return };
    let home = tempfile::tempdir().expect("a folder");
    let servers = servers();
    for url in urls(servers.split(' ').next().unwrap_or_default()) {
        let url = url.as_str();
        for arguments in [
            &["--json", "info", url][..],
            &["--json", "cutout", url, "--box", "0:1,0:1,0:1", "-o", "-"],
            &["info", url, "--nonsense"],
        ] {
            let mut command = clean(&program, home.path());
            let output =
                command.env("RUST_LOG", "trace").args(arguments).output().expect("it runs");
            let text = bigarrays_tests::text(&output);
            assert!(!output.status.success(), "{arguments:?}: {text}");
            assert_hidden(&text, &format!("{:?}", &arguments[..2]));
        }
    }
}

/// Nothing is proved by a search that finds nothing.
#[test]
fn what_shows_would_be_found() {
    struct Leak;
    impl Display for Leak {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a {CANARY} flies")
        }
    }
    for text in [Leak.to_string(), format!("Basic {}", ENCODED[1]), ENCODED[0].to_owned()] {
        assert!(std::panic::catch_unwind(|| assert_hidden(&text, "it")).is_err());
    }
    assert_hidden("a canary that sings", "it");
}
