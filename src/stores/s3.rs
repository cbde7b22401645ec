//! `s3://bucket/path`, and `s3://http://host:port/bucket/path` as CloudVolume has it.

use std::sync::Arc;

use bigarrays_backends::s3::{Conditional, S3Backend, S3Options};
use bigarrays_core::wrap::Retry;
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

/// Opens the store. What fails for the moment is tried again.
///
/// A bucket for which there are no credentials can be read, and says why it cannot be written;
/// to create a volume in it fails at once.
pub(crate) fn open(url: &StoreUrl, access: Access) -> Result<DynBackend, OpenError> {
    url.allow_parameters(&PARAMETERS)?;
    let store = options(url)?
        .read_only(access == Access::ReadOnly)
        .read_only_without_credentials(access == Access::ReadWrite)
        .open()?;
    Ok(Arc::new(Retry::new(store)))
}

fn options(url: &StoreUrl) -> Result<S3Options, InvalidUrl> {
    let (server, rest) = server_of(url)?;
    let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
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
    use bigarrays_core::backend::KeyValueBackend;

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
