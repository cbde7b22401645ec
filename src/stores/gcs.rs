//! `gs://bucket/prefix?endpoint=http://host&anonymous=true&secret=FILE&cache_control=no-cache`.

use std::sync::Arc;

use bigarrays_backends::gcs::{Credentials, GcsBackend};
use bigarrays_core::DynBackend;

use crate::open::OpenError;
use crate::registry::Access;
use crate::url::StoreUrl;

/// Opens the store.
pub(crate) fn open(url: &StoreUrl, access: Access) -> Result<DynBackend, OpenError> {
    url.allow_parameters(&["endpoint", "anonymous", "secret", "cache_control"])?;
    let (bucket, prefix) = url.location().split_once('/').unwrap_or((url.location(), ""));
    url.check_bucket(bucket)?;
    let mut options = GcsBackend::builder(bucket)
        .prefix(prefix)
        .credentials(credentials(url)?)
        .read_only(access == Access::ReadOnly);
    if let Some(endpoint) = url.parameter("endpoint") {
        options = options.endpoint(endpoint);
    }
    if let Some(cache_control) = url.parameter("cache_control") {
        options = options.cache_control(cache_control);
    }
    Ok(Arc::new(options.open()?))
}

fn credentials(url: &StoreUrl) -> Result<Credentials, OpenError> {
    let is_anonymous = match url.parameter("anonymous") {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => {
            let reason = format!("the parameter anonymous is {other:?} and not true or false");
            return Err(url.invalid(reason).into());
        }
    };
    match (is_anonymous, url.parameter("secret")) {
        (true, Some(_)) => Err(url.invalid("it is anonymous and has a secret as well").into()),
        (true, None) => Ok(Credentials::anonymous()),
        (false, Some(file)) => Ok(Credentials::file(file)),
        (false, None) => Ok(Credentials::surroundings()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use bigarrays_core::backend::{KeyValueBackendExt, wait};
    use ndarray::Array4;

    use crate::{DataType, OpenOptions, Prefix, Unaligned, VolumeInfo};

    /// A place of its own in the emulator's bucket, if there is an emulator.
    #[expect(clippy::print_stderr, reason = "a test that cannot run here must say so")]
    fn url(parameters: &str) -> Option<String> {
        let Ok(server) = std::env::var("BIGARRAYS_TEST_GCS") else {
            eprintln!("skipped: BIGARRAYS_TEST_GCS names no server");
            return None;
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        Some(format!("gs://vol/urls/{now:x}/brain?endpoint={server}{parameters}"))
    }

    #[test]
    fn a_volume_is_created_written_and_cut_out_of_a_bucket() {
        for parameters in ["", "&anonymous=true", "&prefix=a/b", "&cache_control=no-store"] {
            let Some(url) = url(parameters) else { return };
            let info =
                VolumeInfo::builder(DataType::Uint16, [100, 60, 30]).chunk_size([32, 32, 16]);
            let volume = crate::create(&url, info.build().unwrap()).unwrap();
            let data = Array4::from_shape_fn((100, 60, 30, 1), |(x, y, z, _)| {
                u16::try_from(x + 101 * y + 7 * z).unwrap()
            });
            volume.write([0, 0, 0], data.view()).unwrap();
            let again = OpenOptions::new().read_only().open(&url).unwrap();
            let cut = again.read::<u16>([30..70, 10..50, 5..25]).unwrap();
            assert_eq!(cut, data.slice(ndarray::s![30..70, 10..50, 5..25, ..]));
            // Not aligned: chunks are read, changed and put back if nobody else did.
            let part = Array4::from_elem((10, 10, 10, 1), 9_u16);
            let options =
                OpenOptions::new().array(|array| array.unaligned(Unaligned::ReadModifyWrite));
            options.open(&url).unwrap().write([28, 28, 10], part.view()).unwrap();
            let cut = again.read::<u16>([28..38, 28..38, 10..20]).unwrap();
            assert_eq!(cut, part);
            assert!(again.write([0, 0, 0], data.view()).is_err());
            let store = crate::open_store(&url).unwrap();
            assert!(store.to_string().starts_with("gs://vol/urls/"));
            let keys = wait(store.list_all(&Prefix::root())).unwrap();
            assert!(keys.iter().any(|meta| meta.key.as_str() == "info"));
        }
    }

    #[test]
    fn parameters_that_are_wrong_or_unknown_are_told() {
        for (url, why) in [
            ("gs://vol/a?anonymous=yes", "not true or false"),
            ("gs://vol/a?anonymous=true&secret=/x.json", "anonymous and has a secret"),
            ("gs://vol/a?region=eu", "\"region\" is not known"),
            ("gs://vol/a?secret=/nowhere/x.json", "cannot be read"),
            ("gs://vol/a?endpoint=ftp://host", "neither http:// nor https://"),
            ("gs://V/a", "no name of a bucket"),
            ("gs://vol/a//b", "empty component"),
        ] {
            let error = crate::open_store(url).unwrap_err().to_string();
            assert!(error.contains(why), "{url}: {error}");
        }
    }
}
