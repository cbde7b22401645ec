//! Pages that are a part of the server, and who may have them.

use bigarrays_server::{Options, Tokens, has_neuroglancer};

use crate::client::get;
use crate::harness::{memory, put, serve};

#[test]
fn the_viewer_is_there_with_all_that_it_names() {
    let server = serve(&[("em", memory())], Options::default());
    let index = get(server.address, "/view/", &[]);
    assert_eq!(index.status, 200);
    assert!(index.header("content-security-policy").is_some_and(|said| said.contains("'self'")));
    let text = String::from_utf8(index.body).expect("text");
    let named = |attribute: &str| -> Vec<String> {
        let parts = text.split(attribute).skip(1);
        parts.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
    };
    let files: Vec<String> = [named(" href=\""), named(" src=\"")].concat();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert_eq!(get(server.address, &format!("/view/{file}"), &[]).status, 200, "{file}");
    }
    let moved = get(server.address, "/view", &[]);
    assert_eq!((moved.status, moved.header("location")), (308, Some("/view/")));
    assert_eq!(get(server.address, "/view/none.js", &[]).status, 404);
    let icon = get(server.address, "/favicon.ico", &[]);
    assert_eq!((icon.status, icon.header("content-type")), (200, Some("image/svg+xml")));
}

#[test]
fn neuroglancer_is_there_or_it_is_said_how_it_comes() {
    let server = serve(&[("em", memory())], Options::default());
    let index = get(server.address, "/neuroglancer/", &[]);
    let said = get(server.address, "/v1/config", &[]).json();
    if has_neuroglancer() {
        assert_eq!(index.status, 200);
        assert_eq!(said["neuroglancer"], "../neuroglancer/");
        assert_eq!(get(server.address, "/neuroglancer/THIRD-PARTY.txt", &[]).status, 200);
    } else {
        assert_eq!(index.status, 404);
        assert!(String::from_utf8_lossy(&index.body).contains("viewer/build.sh"));
        assert!(said["neuroglancer"].as_str().is_some_and(|page| page.starts_with("https://")));
    }
    let neuroglancer = Some("https://ng.example/".to_owned());
    let other = serve(&[("em", memory())], Options { neuroglancer, ..Options::default() });
    let said = get(other.address, "/v1/config", &[]).json();
    assert_eq!(said["neuroglancer"], "https://ng.example/");
}

#[test]
fn pages_need_no_token_and_all_data_do() {
    let store = memory();
    put(&store, "info", "{}");
    let tokens = Some(Tokens::new(["0123456789abcdef"]));
    let server = serve(&[("em", store)], Options { tokens, ..Options::default() });
    let status = |path: &str, headers: &[&str]| get(server.address, path, headers).status;
    for path in ["/view/", "/view/main.js", "/health"] {
        assert_eq!(status(path, &[]), 200, "{path}");
    }
    let data = [
        "/",
        "/em/info",
        "/em@unsharded/info",
        "/em/none",
        "/v1/config",
        "/v1/volumes",
        "/v1/em/cutout",
        "/metrics",
        "/openapi.json",
        "/viewer",
        "//view/",
        "/%76iew/",
        "/em/../view/",
        "/neuroglancer.old/info",
    ];
    for path in data {
        for headers in [
            &[][..],
            &["Authorization: Bearer 0123456789abcdeF"],
            &["Authorization: Bearer "],
            &["Authorization: Basic OjAxMjM="],
        ] {
            assert_eq!(status(path, headers), 401, "{path} {headers:?}");
        }
    }
    assert_eq!(status("/em/info", &["Authorization: Bearer 0123456789abcdef"]), 200);
    // Of `any` and the token, as a browser sends it.
    assert_eq!(status("/em/info", &["Authorization: Basic YW55OjAxMjM0NTY3ODlhYmNkZWY="]), 200);
    // The page asks for a token itself; the browser asks in its stead where it may.
    let ways = |headers: &[&str]| {
        let answer = get(server.address, "/em/info", headers);
        answer.header("www-authenticate").map(str::to_owned).expect("a way")
    };
    assert!(ways(&[]).starts_with("Basic"));
    assert!(ways(&["X-Requested-With: bigarrays"]).starts_with("Bearer"));
}
