//! `https://host/path?missing=403`, and `http://`.
//!
//! All parameters but `missing` and those of every store belong to the server: signatures and tokens. They
//! are sent with each request and never shown.

use std::sync::Arc;

use bigarrays_backends::http::{Forbidden, HttpBackend};
use bigarrays_core::DynBackend;

use crate::open::OpenError;
use crate::registry::Access;
use crate::url::StoreUrl;

/// Opens the store.
pub(crate) fn open(url: &StoreUrl, _access: Access) -> Result<DynBackend, OpenError> {
    let forbidden = match url.parameter("missing") {
        None => Forbidden::Denied,
        Some("403") => Forbidden::Missing,
        Some(other) => {
            let reason =
                format!("missing={other} means nothing; missing=403 takes 403 for missing");
            return Err(url.invalid(reason).into());
        }
    };
    let place = format!("{}://{}", url.scheme(), url.location());
    let mut store = HttpBackend::builder(&place).forbidden(forbidden);
    for (name, value) in url.parameters() {
        if name != "missing" {
            store = store.parameter(name, value);
        }
    }
    Ok(Arc::new(store.open()?))
}

#[cfg(all(test, feature = "fs", unix))]
#[path = "../../backends/tests/http/server.rs"]
mod server;

#[cfg(all(test, feature = "fs", unix))]
mod tests {
    use ndarray::Array3;

    use super::server::{Habits, Server};
    use crate::info::{DataType, VolumeInfo};

    #[test]
    fn a_volume_on_the_web_is_the_volume_in_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data/vol").display().to_string();
        let info = VolumeInfo::builder(DataType::Uint16, [100, 70, 30]).chunk_size([32, 32, 16]);
        let there = crate::create(&path, info.build().unwrap()).unwrap();
        let voxels = Array3::from_shape_fn((100, 70, 20), |(x, y, z)| {
            u16::try_from((x * 7 + y * 131 + z * 1009) % 65_536).unwrap()
        });
        there.write([0, 0, 0], voxels.slice(ndarray::s![.., .., ..16])).unwrap();
        let server = Server::start(dir.path(), Habits::default());
        let url = server.url();
        for url in [
            format!("{url}/data/vol"),
            format!("precomputed://{url}/data/vol/"),
            format!("{url}/data?prefix=vol&token=hunter2"),
            format!("{url}/data/vol?missing=403|neuroglancer-precomputed:"),
        ] {
            let here = crate::open(&url).unwrap();
            for window in [[0..100, 0..70, 0..30], [31..65, 5..6, 14..18]] {
                let want = there.read::<u16>(window.clone()).unwrap();
                assert_eq!(here.read::<u16>(window).unwrap(), want, "{url}");
            }
            let refused = here.write([0, 0, 0], voxels.slice(ndarray::s![..32, ..32, ..16]));
            let refused = format!("{:?}", refused.unwrap_err());
            assert!(refused.contains("ReadOnly") && !refused.contains("hunter2"), "{refused}");
        }
        assert!(server.asked().iter().any(|ask| ask.target.ends_with("?token=hunter2")));
    }

    #[test]
    fn a_slip_in_the_parameter_missing_is_told() {
        let error = crate::open("https://host/vol?missing=404").unwrap_err().to_string();
        assert!(error.contains("missing=403"), "{error}");
    }
}
