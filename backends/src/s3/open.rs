//! From options to a bucket that requests can be signed for.

use bigarrays_core::backend::{BackendError, BackendResult, ErrorKind, Operation};
use s3::creds;
use s3::error::S3Error;
use s3::{Bucket, Region};

use super::credentials::{Credentials, Found, Surroundings};
use super::options::S3Options;
use super::place::Place;
use crate::remote::Secret;

/// The region of requests if nobody says another one.
const REGION: &str = "us-east-1";

/// What the options come to.
pub(super) struct Opened {
    pub(super) place: Place,
    pub(super) bucket: Bucket,
    pub(super) anonymous: bool,
    /// Why nothing is written, if so.
    pub(super) read_only: Option<String>,
}

pub(super) fn prepare(options: &S3Options) -> BackendResult<Opened> {
    let S3Options { bucket, prefix, .. } = options;
    // A name for errors, until the place is known.
    let fail = |kind, note: String| {
        let name = format!("s3://{bucket}/{prefix}");
        BackendError::new(kind, name, Operation::Open).with_note(note)
    };
    let invalid = |note| fail(ErrorKind::InvalidConfig, note);
    let found = match (&options.credentials, options.anonymous) {
        (_, true) => Surroundings::real().without_credentials(),
        (Some(given), false) => {
            let credentials = Some(given.clone());
            Found { credentials, ..Surroundings::real().without_credentials() }
        }
        (None, false) => {
            let found = Surroundings::real().look(bucket, options.profile.as_deref());
            found.map_err(invalid)?
        }
    };
    let endpoint = options.endpoint.as_ref().or(found.endpoint.as_ref());
    let place = Place::new(endpoint.map(String::as_str), bucket, prefix.clone());
    let place = place.map_err(invalid)?;
    let mut signer = None;
    if !options.anonymous {
        let given = found.credentials.as_ref().map(known);
        let given = given.or_else(|| options.instance_metadata.then(from_machine));
        signer = given.transpose().map_err(|error| {
            let note = "the machine gives no credentials".to_owned();
            fail(ErrorKind::Unauthenticated, note).with_source(error)
        })?;
    }
    let anonymous = signer.is_none();
    let read_only = match (options.read_only, anonymous && !options.anonymous) {
        (true, _) => Some("it was opened for reading only".to_owned()),
        (false, false) => None,
        (false, true) if options.read_only_without_credentials => Some(no_credentials(&found)),
        (false, true) => return Err(fail(ErrorKind::Unauthenticated, no_credentials(&found))),
    };
    let region = options.region.clone().or(found.region).unwrap_or_else(|| REGION.to_owned());
    let bucket = address(&place, region, signer, options.path_style);
    let bucket = bucket.map_err(|error| {
        fail(ErrorKind::InvalidConfig, "the bucket cannot be addressed".into()).with_source(error)
    })?;
    Ok(Opened { place, bucket, anonymous, read_only })
}

fn no_credentials(found: &Found) -> String {
    let looked = found.looked.join("; ");
    format!("there are no credentials to write with; looked at: {looked}")
}

fn known(found: &Credentials) -> Result<creds::Credentials, creds::error::CredentialsError> {
    let token = found.session_token.as_ref().map(Secret::reveal);
    let (access, secret) = (found.access_key.reveal(), found.secret_key.reveal());
    creds::Credentials::new(Some(access), Some(secret), None, token, None)
}

/// Asks the machine, and waits for its answer.
fn from_machine() -> Result<creds::Credentials, creds::error::CredentialsError> {
    creds::Credentials::from_instance_metadata_v2(true)
}

fn address(
    place: &Place,
    region: String,
    signer: Option<creds::Credentials>,
    path_style: Option<bool>,
) -> Result<Bucket, S3Error> {
    let endpoint = place.endpoint.clone().unwrap_or_else(|| amazon(&region));
    let region = Region::Custom { region, endpoint };
    let signer = signer.map_or_else(creds::Credentials::anonymous, Ok)?;
    let mut bucket = Bucket::new(&place.bucket, region, signer)?;
    if path_style.unwrap_or(!(place.is_amazon() && is_host(&place.bucket))) {
        bucket.set_path_style();
    }
    Ok(*bucket)
}

/// Where Amazon serves a region.
fn amazon(region: &str) -> String {
    let country = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("https://s3.{region}.amazonaws.com{country}")
}

/// Whether a bucket's name can be part of a host's, under a certificate for one such part.
fn is_host(bucket: &str) -> bool {
    bucket.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::S3Backend;

    fn url(options: S3Options) -> String {
        let credentials = Credentials::new("a", "hunter2");
        prepare(&options.credentials(credentials)).unwrap().bucket.url()
    }

    #[test]
    fn a_bucket_is_part_of_the_host_at_amazon_and_of_the_path_elsewhere() {
        let amazon = |name: &str| S3Backend::builder(name).region("eu-west-9");
        assert_eq!(url(amazon("vol")), "https://vol.s3.eu-west-9.amazonaws.com");
        assert_eq!(url(amazon("a.vol")), "https://s3.eu-west-9.amazonaws.com/a.vol");
        assert_eq!(url(amazon("vol").path_style(true)), "https://s3.eu-west-9.amazonaws.com/vol");
        assert_eq!(url(amazon("vol").endpoint("http://h:1/s/")), "http://h:1/s/vol");
        let named = amazon("vol").endpoint("http://h:1").path_style(false);
        assert_eq!(url(named), "http://vol.h:1");
        let chinese = S3Backend::builder("vol").region("cn-north-1");
        assert_eq!(url(chinese), "https://vol.s3.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn options_that_cannot_be_are_refused_and_show_no_secrets() {
        let options = [
            S3Backend::builder(""),
            S3Backend::builder("vol").endpoint("http://u:hunter2@h"),
            S3Backend::builder("vol").endpoint("no url hunter2"),
        ];
        for options in options {
            let options = options.credentials(Credentials::new("a", "hunter2"));
            let shown = format!("{options:?}");
            let error = prepare(&options).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
            assert!(!shown.contains("Secret(hunter2"), "{shown}");
        }
    }
}
