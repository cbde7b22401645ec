//! `az://container/prefix?account=NAME&endpoint=URL&anonymous=true&identity=managed&cache_control=TEXT`.
//!
//! Keys and signatures come from the environment or from code, never from a URL.

use std::sync::Arc;

use bigarrays_backends::object::azure::AzureOptions;
use bigarrays_core::wrap::Prefixed;
use bigarrays_core::{DynBackend, Prefix};

use crate::open::OpenError;
use crate::registry::Access;
use crate::url::StoreUrl;

/// Opens the store.
pub(crate) fn open(url: &StoreUrl, access: Access) -> Result<DynBackend, OpenError> {
    url.allow_parameters(&["account", "endpoint", "anonymous", "identity", "cache_control"])?;
    let (container, path) = url.location().split_once('/').unwrap_or((url.location(), ""));
    url.check_bucket(container)?;
    let prefix = Prefix::new(path).map_err(|error| url.invalid(error.to_string()))?;
    let mut options = AzureOptions::new(container)
        .read_only(access == Access::ReadOnly)
        .create(access == Access::Create);
    if let Some(account) = url.parameter("account") {
        options = options.account(account);
    }
    if let Some(endpoint) = url.parameter("endpoint") {
        options = options.endpoint(endpoint);
    }
    if let Some(cache_control) = url.parameter("cache_control") {
        options = options.cache_control(cache_control);
    }
    options = match (url.parameter("anonymous"), url.parameter("identity")) {
        (None | Some("false"), None) => options,
        (Some("true"), None) => options.anonymous(),
        (None | Some("false"), Some("managed")) => options.managed_identity(),
        _ => return Err(url.invalid("it takes anonymous=true or identity=managed").into()),
    };
    let store = options.open()?;
    Ok(if prefix.is_root() { Arc::new(store) } else { Arc::new(Prefixed::new(store, prefix)) })
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use crate::OpenOptions;
    use crate::array::Unaligned;
    use crate::info::{DataType, VolumeInfo};

    #[expect(clippy::print_stderr, reason = "a test that cannot run here must say so")]
    #[test]
    fn a_volume_in_a_container_is_written_and_read_back() {
        let Ok(server) = std::env::var("BIGARRAYS_TEST_AZURE") else {
            eprintln!("skipped: BIGARRAYS_TEST_AZURE is not set");
            return;
        };
        let url = format!("az://facade-{}/em/vol?endpoint={server}", std::process::id());
        let info = VolumeInfo::builder(DataType::Uint16, [100, 70, 30]).chunk_size([32, 32, 16]);
        let writing = OpenOptions::new().array(|array| array.unaligned(Unaligned::ReadModifyWrite));
        let volume = writing.create(&url, info.build().unwrap()).unwrap();
        let voxels = Array3::from_shape_fn((100, 70, 30), |(x, y, z)| {
            u16::try_from((x * 7 + y * 131 + z * 1009) % 65_536).unwrap()
        });
        volume.write([0, 0, 0], voxels.view()).unwrap();
        // Not aligned: chunks are read, changed and put back on condition.
        volume.write([5, 6, 7], Array3::<u16>::zeros((30, 3, 12)).view()).unwrap();
        let mut want = voxels;
        want.slice_mut(ndarray::s![5..35, 6..9, 7..19]).fill(0);
        let reading = OpenOptions::new().read_only();
        for url in
            [url.clone(), format!("precomputed://{}", url.replace("em/vol?", "em?prefix=vol&"))]
        {
            let read = reading.open(&url).unwrap().read::<u16>([0..100, 0..70, 0..30]).unwrap();
            assert!(read.into_iter().eq(want.iter().copied()), "{url}");
        }
        let refused = reading.open(&url).unwrap().write([0, 0, 0], want.view()).unwrap_err();
        assert!(format!("{refused:?}").contains("ReadOnly"), "{refused:?}");
    }

    #[test]
    fn slips_are_told() {
        for (url, word) in [
            ("az://vol/a?acount=lab", "account"),
            ("az://Vol/a?account=lab&anonymous=true", "small letters"),
            ("az://vol/a?account=lab&anonymous=perhaps", "anonymous=true"),
            ("az://vol/a?account=lab&endpoint=nowhere&anonymous=true", "endpoint"),
            ("az://vol/a/../b?account=lab", ".."),
        ] {
            let error = crate::open(url).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
