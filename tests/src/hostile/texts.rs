//! Texts that users and other programs write: keys, URLs, and the layouts of old.

use std::sync::Arc;

use bigarrays::{OpenOptions, Registry, StoreUrl, without_secrets};
use bigarrays_core::backend::{KeyValueBackendExt, wait};
use bigarrays_core::key::{Key, Prefix};
use bigarrays_core::memory::MemoryBackend;

/// What must never show.
const SECRET: &str = "hunter2";

/// Reads a prefix (the first line) and a key below it (the second).
///
/// # Panics
/// If either could leave its directory, or a key is not found again below its prefix.
pub fn key(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (above, below) = text.split_once('\n').unwrap_or(("", text));
    let sound = |path: &str| !path.split('/').any(|part| ["", ".", ".."].contains(&part));
    let prefix = match Prefix::new(above) {
        Ok(prefix) => prefix,
        Err(error) => return assert!(error.to_string().len() < 6000),
    };
    assert!(prefix.is_root() || sound(prefix.as_str().trim_end_matches('/')), "{prefix:?}");
    let Ok(key) = Key::new(below) else { return };
    assert!(sound(key.as_str()) && key.as_str() == below, "{key:?}");
    if let Ok(long) = key.under(&prefix) {
        assert!(prefix.contains(&long) && sound(long.as_str()), "{long:?}");
        assert_eq!(long.strip(&prefix).as_ref(), Some(&key));
    }
}

/// Takes a URL apart, shows it, and opens it with stores in memory. Secrets are put before it and
/// behind it.
///
/// # Panics
/// If a secret shows.
pub fn url(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    look(text);
    // It may also spell it by escapes, where it is no secret.
    let plain =
        [format!("https://host/{text}"), format!("https://host/a?{}", text.replace('?', ""))];
    if text.contains(SECRET) || plain.iter().any(|url| look(url).contains(SECRET)) {
        return;
    }
    for secret in [
        format!("https://me:{SECRET}@{text}"),
        format!("s3://http://{SECRET}@{text}"),
        format!("precomputed://gs://me:{SECRET}@{text}|neuroglancer-precomputed:"),
        format!("https://host/{text}?a=b&token={SECRET}"),
        format!("https://host/a?{}&X-Amz-Signature={SECRET}&b", text.replace('?', "")),
    ] {
        let shown = look(&secret);
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

/// Everything that is shown of a URL.
fn look(text: &str) -> String {
    let mut shown = without_secrets(text);
    let url = match StoreUrl::parse(text) {
        Ok(url) => url,
        Err(error) => return format!("{shown} {error} {error:?}"),
    };
    shown += &format!(" {url} {:?}", url.allow_parameters(&["endpoint"]).err());
    let _ = (url.prefix().is_ok(), url.scheme(), url.location());
    // A cache is a folder, and other stores are files.
    if url.parameter("cache").is_none() {
        let open = |url: &StoreUrl, _| {
            url.allow_parameters(&["endpoint", "token", "a", "b"])?;
            Ok(Arc::new(MemoryBackend::new()) as _)
        };
        let registry = ["mem", "file", "https", "http", "s3", "gs", "az", "h5", "sqlite"];
        let registry = registry.iter().fold(Registry::default(), |all, name| all.with(name, open));
        if let Err(error) = OpenOptions::new().registry(registry).open(text) {
            shown += &format!(" {error} {error:?}");
        }
    }
    shown
}

/// Opens a volume of BigArrays.jl v0.5: `config.json`, an empty line, and keys, one a line.
///
/// # Panics
/// If it has an extent that is none.
pub fn old_layout(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (config, keys) = text.split_once("\n\n").unwrap_or((text, ""));
    let store = MemoryBackend::new();
    let names = std::iter::once("config.json").chain(keys.lines().take(50));
    for name in names {
        let Ok(key) = Key::new(name) else { continue };
        let value = if name == "config.json" { config } else { "value" };
        assert!(wait(store.put_always(&key, value.to_owned())).is_ok(), "a value in memory");
    }
    let open = move |_: &StoreUrl, _| Ok(Arc::new(store.clone()) as _);
    let registry = Registry::default().with("mem", open);
    match OpenOptions::new().registry(registry).read_only().open("mem://volume") {
        Ok(volume) => {
            let bounds = volume.bounds();
            assert!((0..3).all(|axis| bounds.min[axis] < bounds.max[axis]), "{bounds:?}");
            let info = volume.info().to_json();
            assert!(info.is_ok(), "an info that cannot be written: {info:?}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
