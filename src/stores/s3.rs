//! `s3://bucket/path`, and `s3://http://host:port/bucket/path` as CloudVolume has it.

use std::sync::Arc;

use bigarrays_backends::s3::{Conditional, S3Backend, S3Options};
use bigarrays_core::{DynBackend, Prefix};

use crate::open::OpenError;
use crate::registry::Access;
use crate::url::{InvalidUrl, StoreUrl};

const PARAMETERS: [&str; 7] = [
    "endpoint",
    "region",
    "profile",
    "anonymous",
    "conditional",
    "cache_control",
    "instance_metadata",
];

/// Opens the store.
///
/// A bucket for which there are no credentials can be read, and says why it cannot be written;
/// to create a volume in it fails at once.
pub(crate) fn open(url: &StoreUrl, access: Access) -> Result<DynBackend, OpenError> {
    url.allow_parameters(&PARAMETERS)?;
    let store = options(url)?
        .read_only(access == Access::ReadOnly)
        .read_only_without_credentials(access == Access::ReadWrite)
        .open()?;
    Ok(Arc::new(store))
}

fn options(url: &StoreUrl) -> Result<S3Options, InvalidUrl> {
    let (server, rest) = server_of(url)?;
    let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
    url.check_bucket(bucket)?;
    let prefix = Prefix::new(path.trim_end_matches('/'));
    let prefix = prefix.map_err(|error| url.invalid(error.to_string()))?;
    let mut options = S3Backend::builder(bucket)
        .prefix(prefix)
        .anonymous(flag(url, "anonymous")?)
        .instance_metadata(flag(url, "instance_metadata")?)
        .conditional(match url.parameter("conditional") {
            None | Some("probe") => Conditional::Probe,
            Some("trust") => Conditional::Trust,
            Some("none") => Conditional::None,
            Some(other) => {
                let reason = format!("conditional={other} is none of probe, trust, none");
                return Err(url.invalid(reason));
            }
        });
    if let Some(endpoint) = server.or(url.parameter("endpoint")) {
        options = options.endpoint(endpoint);
    }
    if let Some(region) = url.parameter("region") {
        options = options.region(region);
    }
    if let Some(profile) = url.parameter("profile") {
        options = options.profile(profile);
    }
    if let Some(cache_control) = url.parameter("cache_control") {
        options = options.cache_control(cache_control);
    }
    Ok(options)
}

/// The server in front of the bucket, and the rest.
fn server_of(url: &StoreUrl) -> Result<(Option<&str>, &str), InvalidUrl> {
    let location = url.location();
    let Some((scheme, rest)) = location.split_once("://") else { return Ok((None, location)) };
    if url.parameter("endpoint").is_some() {
        return Err(url.invalid("it names two servers: one in front of the bucket, one behind ?"));
    }
    let host = rest.split('/').next().unwrap_or_default();
    let server = &location[..scheme.len() + "://".len() + host.len()];
    Ok((Some(server), rest[host.len()..].trim_start_matches('/')))
}

fn flag(url: &StoreUrl, name: &str) -> Result<bool, InvalidUrl> {
    match url.parameter(name) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1" | "") => Ok(true),
        Some(other) => Err(url.invalid(format!("{name}={other} is neither true nor false"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigarrays_core::backend::{KeyValueBackend, KeyValueBackendExt};

    fn shown(text: &str) -> Result<String, String> {
        let url = StoreUrl::parse(text).map_err(|error| error.to_string())?;
        let store = open(&url, Access::ReadOnly).map_err(|error| error.to_string())?;
        assert!(!store.capabilities().writable);
        Ok(store.to_string())
    }

    #[test]
    fn both_forms_of_a_url_name_the_same_place() {
        let with = |rest: &str| shown(&format!("s3://{rest}anonymous=true")).unwrap();
        let place = "s3://http://127.0.0.1:9/vol/a/b/";
        assert_eq!(with("http://127.0.0.1:9/vol/a/b?"), place);
        assert_eq!(with("vol/a/b/?endpoint=http://127.0.0.1:9&"), place);
        assert_eq!(with("vol/a/b/?endpoint=http%3A%2F%2F127.0.0.1%3A9%2F&"), place);
        assert_eq!(with("http://127.0.0.1:9/vol?"), "s3://http://127.0.0.1:9/vol/");
    }

    /// A program of its own, for the credentials of a process are in its environment.
    fn child(test: &str, variables: &[(&str, &str)]) {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", &format!("stores::s3::tests::{test}"), "--nocapture"]);
        child.env("BIGARRAYS_CHILD", "1").env("HOME", "/nowhere").envs(variables.iter().copied());
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"] {
            if !variables.iter().any(|(given, _)| *given == name) {
                child.env_remove(name);
            }
        }
        let output = child.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The server for tests, in a child; the parent starts the child.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    fn server(test: &str, variables: &[(&str, &str)]) -> Option<String> {
        let Ok(server) = std::env::var("BIGARRAYS_TEST_S3") else {
            eprintln!("skipped: BIGARRAYS_TEST_S3 does not name an S3 server");
            return None;
        };
        if std::env::var_os("BIGARRAYS_CHILD").is_some() {
            return Some(server);
        }
        child(test, variables);
        None
    }

    #[test]
    fn a_volume_is_made_written_and_read_by_its_url() {
        let test = "a_volume_is_made_written_and_read_by_its_url";
        let keys = [
            ("AWS_ACCESS_KEY_ID", "testaccess"),
            ("AWS_SECRET_ACCESS_KEY", "testsecret1234567890"),
            ("AWS_REGION", "us-east-1"),
        ];
        let Some(server) = server(test, &keys) else { return };
        let place = format!("vol/test-s3/volume-{}", std::process::id());
        let url = format!("s3://{server}/{place}?cache_control=no-cache");
        let info = crate::VolumeInfo::builder(crate::DataType::Uint8, [100, 90, 20]);
        let info = info.resolution([8.0, 8.0, 40.0]).build().unwrap();
        let volume = crate::create(&url, info).unwrap();
        let array = ndarray::Array3::from_shape_fn((100, 90, 20), |(x, y, z)| {
            u8::try_from((x * 7 + y * 3 + z) % 251).unwrap()
        });
        volume.write([0, 0, 0], array.view()).unwrap();
        let again = crate::open(&format!("s3://{place}?endpoint={server}")).unwrap();
        let cut = again.read::<u8>([3..70, 4..80, 5..19]).unwrap();
        let want = array.slice(ndarray::s![3..70, 4..80, 5..19]);
        assert_eq!(cut.index_axis(ndarray::Axis(3), 0), want);
        let store = crate::OpenOptions::new().open_store(&url).unwrap();
        let removed = bigarrays_core::backend::wait(store.delete_prefix(&Prefix::root()));
        assert!(removed.unwrap() > 4);
    }

    #[test]
    fn without_credentials_a_bucket_is_read_but_not_made() {
        let test = "without_credentials_a_bucket_is_read_but_not_made";
        let Some(server) = server(test, &[]) else { return };
        let url = format!("s3://{server}/open/nothing");
        let store = crate::OpenOptions::new().open_store(&url).unwrap();
        let key = bigarrays_core::Key::new("a").unwrap();
        assert!(bigarrays_core::backend::wait(store.get_bytes(&key)).unwrap().is_none());
        let error = bigarrays_core::backend::wait(store.put_always(&key, "x")).unwrap_err();
        assert!(error.to_string().contains("AWS_ACCESS_KEY_ID"), "{error}");
        let error = open(&StoreUrl::parse(&url).unwrap(), Access::Create).unwrap_err();
        assert!(error.to_string().contains("aws-secret.json"), "{error}");
    }

    #[test]
    fn slips_are_refused_with_the_reason() {
        for (url, reason) in [
            ("s3://vol/a//b", "slash"),
            ("s3://http://h:1", "cannot be the name of a bucket"),
            ("s3://http://h:1/vol?endpoint=http://g", "two servers"),
            ("s3://vol?anonymous=maybe", "neither true nor false"),
            ("s3://vol?conditional=x", "none of probe"),
            ("s3://vol?regoin=x", "\"regoin\" is not known"),
            ("s3://http://u:hunter2@h/vol?anonymous=true", "user and password"),
        ] {
            let error = shown(url).unwrap_err();
            assert!(error.contains(reason) && !error.contains("hunter2"), "{error}");
        }
    }
}
