//! Boxes of voxels.

use bigarrays_server::{Limits, Options};

use crate::client::get;
use crate::harness::{memory, serve, volume, voxels};

#[test]
fn a_box_comes_as_raw_bytes_with_what_they_mean() {
    let store = memory();
    volume(&store);
    let server = serve(&[("em", store)], Options::default());
    let path = "/v1/em/cutout?box=-12:8,3:5,7:9&format=raw&scale=8_8_8";
    let answer = get(server.address, path, &[]);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-bigarrays-shape"), Some("20,2,2,1"));
    assert_eq!(answer.header("x-bigarrays-dtype"), Some("uint8"));
    assert_eq!(answer.header("x-bigarrays-offset"), Some("-12,3,7"));
    let all = voxels([100, 80, 60, 1]);
    let at = |x: i64, y: usize, z: usize| match usize::try_from(x + 10) {
        Ok(x) => all[[x, y, z - 5, 0]],
        Err(_) => 0,
    };
    let mut wanted = Vec::new();
    for z in 7..9 {
        for y in 3..5 {
            wanted.extend((-12..8).map(|x| at(x, y, z)));
        }
    }
    assert_eq!(answer.body, wanted);
}

#[test]
fn a_box_comes_as_npy_png_and_tiff() {
    let store = memory();
    volume(&store);
    let server = serve(&[("em", store)], Options::default());
    let cut = |query: &str| get(server.address, &format!("/v1/em/cutout?{query}"), &[]);
    let npy = cut("box=0:10,0:10,:");
    assert_eq!((npy.status, &npy.body[1..6]), (200, &b"NUMPY"[..]));
    assert_eq!(npy.body.len(), 128 + 6000);
    let png = cut("box=0:10,0:10,9:10&format=png");
    assert_eq!((png.header("content-type"), &png.body[1..4]), (Some("image/png"), &b"PNG"[..]));
    let tiff = cut("box=0:10,0:10,9:12&format=tiff");
    assert_eq!((tiff.header("content-type"), &tiff.body[..2]), (Some("image/tiff"), &b"II"[..]));
    assert_eq!(cut("box=5:5,0:1,0:1&format=raw").body, b"");
}

#[test]
fn what_cannot_be_cut_out_is_refused_with_the_reason() {
    let store = memory();
    volume(&store);
    let limits = Limits { cutout: 1000, ..Limits::default() };
    let server = serve(&[("em", store)], Options { limits, ..Options::default() });
    for (query, status, word) in [
        ("em/cutout?box=0:11,0:10,10:20", 413, "1000"),
        ("em/cutout?box=0:9223372036854775807,0:9223372036854775807,0:9", 413, "1000"),
        ("em/cutout", 413, "parts"),
        ("em/cutout?box=5:4,0:1,0:1", 400, "ends before"),
        ("em/cutout?box=0:1,0:1", 400, "a box like"),
        ("em/cutout?box=0:1,0:1,0:2&format=png", 400, "one z"),
        ("em/cutout?box=0:1,0:1,0:1&format=gif", 400, "npy"),
        ("em/cutout?box=0:1,0:1,0:1&scale=7", 404, "no scale"),
        ("em/cutout?box=0:1,0:1,0:1&scale=none", 404, "no scale"),
        ("em/cutout?bix=0:1,0:1,0:1", 400, "box"),
        ("em/elsewhere/cutout?box=0:1,0:1,0:1", 404, "no volume"),
        ("em/%2e%2e/cutout?box=0:1,0:1,0:1", 404, "no volume"),
        ("other/cutout?box=0:1,0:1,0:1", 404, "nothing is served"),
        ("em@odd/cutout?box=0:1,0:1,0:1", 404, "view"),
        ("em/cut", 404, "cutout"),
    ] {
        let answer = get(server.address, &format!("/v1/{query}"), &[]);
        let said = answer.json()["error"].as_str().unwrap_or_default().to_owned();
        assert_eq!(answer.status, status, "{query}: {said}");
        assert!(said.contains(word), "{query}: {said}");
    }
}
