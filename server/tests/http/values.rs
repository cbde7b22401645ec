//! Stored values: as they are, in parts, in other forms.

use bigarrays::{DynBackend, Transport};
use bigarrays_server::{Cors, Options, Tokens};

use crate::client::{ask, get};
use crate::harness::{memory, put, serve, volume};

#[test]
fn values_are_sent_as_they_are_stored_with_type_state_and_length() {
    let store = memory();
    volume(&store);
    let server = serve(&[("em", store)], Options::default());
    let info = get(server.address, "/em/info", &[]);
    assert_eq!((info.status, info.header("content-type")), (200, Some("application/json")));
    assert_eq!(info.header("cache-control"), Some("public, no-cache"));
    assert_eq!(info.json()["scales"][0]["voxel_offset"][0], -10);
    let path = "/em/8_8_8/-10-22_0-32_5-37";
    let chunk = get(server.address, path, &[]);
    assert_eq!((chunk.status, chunk.body.len()), (200, 32 * 32 * 32));
    assert_eq!(chunk.header("content-type"), Some("application/octet-stream"));
    assert_eq!(chunk.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(chunk.header("cache-control"), Some("public, max-age=60"));
    let head = ask(server.address, "HEAD", path, &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some("32768"));
    assert_eq!(head.header("etag"), chunk.header("etag"));
    let missing = get(server.address, "/em/8_8_8/0-1_0-1_0-1", &[]);
    assert_eq!((missing.status, missing.header("cache-control")), (404, Some("no-store")));
}

#[test]
fn who_has_a_value_is_told_so() {
    let store = memory();
    put(&store, "a", "abc");
    let server = serve(&[("em", DynBackend::clone(&store))], Options::default());
    let tag = get(server.address, "/em/a", &[]).header("etag").map(str::to_owned);
    let condition = format!("If-None-Match: \"other\", {}", tag.expect("a state"));
    let same = get(server.address, "/em/a", &[&condition]);
    assert_eq!((same.status, same.body.len()), (304, 0));
    put(&store, "a", "abc");
    assert_eq!(get(server.address, "/em/a", &[&condition]).status, 200);
}

#[test]
fn ranges_are_parts_and_what_no_value_has_is_refused() {
    let store = memory();
    put(&store, "a", "0123456789");
    put(&store, "empty", "");
    let server = serve(&[("em", store)], Options::default());
    let part = |range: &str| {
        let answer = get(server.address, "/em/a", &[&format!("Range: {range}")]);
        let said = answer.header("content-range").unwrap_or_default().to_owned();
        (answer.status, said, String::from_utf8(answer.body).expect("text"))
    };
    let of = |status: u16, said: &str, body: &str| (status, said.to_owned(), body.to_owned());
    assert_eq!(part("bytes=2-4"), of(206, "bytes 2-4/10", "234"));
    assert_eq!(part("bytes=7-"), of(206, "bytes 7-9/10", "789"));
    assert_eq!(part("bytes=-3"), of(206, "bytes 7-9/10", "789"));
    assert_eq!(part("bytes=0-99"), of(206, "bytes 0-9/10", "0123456789"));
    for range in ["bytes=10-", "bytes=-0", "bytes=4-2", "bytes=x", "nonsense"] {
        assert_eq!(part(range), of(416, "bytes */10", ""), "{range}");
    }
    assert_eq!(part("bytes=0-1,3-4"), of(200, "", "0123456789"));
    assert_eq!(get(server.address, "/em/empty", &[]).body, b"");
    assert_eq!(get(server.address, "/em/empty", &["Range: bytes=0-"]).status, 416);
    let other = get(server.address, "/em/a", &["Range: bytes=2-4", "If-Range: \"other\""]);
    assert_eq!((other.status, other.body.len()), (200, 10));
}

#[test]
fn compressed_values_pass_to_who_takes_them_and_are_decompressed_for_others() {
    let store = memory();
    let plain = b"0123456789".repeat(1000);
    let packed = Transport::GZIP.compress(plain.clone()).expect("compressed");
    put(&store, "a", packed.clone());
    let server = serve(&[("em", store)], Options::default());
    let passed = get(server.address, "/em/a", &["Accept-Encoding: br, gzip"]);
    assert_eq!(passed.header("content-encoding"), Some("gzip"));
    assert_eq!(passed.body, packed.bytes);
    let undone = get(server.address, "/em/a", &["Accept-Encoding: br"]);
    assert_eq!((undone.header("content-encoding"), undone.body.len()), (None, plain.len()));
    assert_eq!(undone.body, plain);
    assert_ne!(undone.header("etag"), passed.header("etag"));
    for answer in [&passed, &undone] {
        assert!(answer.header("vary").is_some_and(|vary| vary.contains("accept-encoding")));
    }
    // A part is one of what was compressed.
    let part = get(server.address, "/em/a", &["Accept-Encoding: gzip", "Range: bytes=11-12"]);
    assert_eq!((part.status, part.header("content-encoding")), (206, None));
    assert_eq!(part.body, b"12");
    assert_eq!(part.header("content-range"), Some("bytes 11-12/10000"));
    let head = ask(server.address, "HEAD", "/em/a", &[]);
    assert_eq!(head.header("content-length"), Some("10000"));
}

#[test]
fn large_values_are_sent_in_pieces_and_whole() {
    let store = memory();
    let large: Vec<u8> = (0..20_000_003_u32).map(|n| (n % 251).to_le_bytes()[0]).collect();
    put(&store, "a", large.clone());
    for cache in [0, 64 << 20] {
        let server =
            serve(&[("em", DynBackend::clone(&store))], Options { cache, ..Options::default() });
        let whole = get(server.address, "/em/a", &[]);
        assert_eq!(whole.header("content-length"), Some("20000003"));
        assert!(whole.body == large);
        let part = get(server.address, "/em/a", &["Range: bytes=3-19999999"]);
        assert!(part.status == 206 && part.body == large[3..20_000_000]);
    }
}

#[test]
fn pages_of_other_origins_may_read_as_far_as_it_was_said() {
    let store = memory();
    put(&store, "a", "abc");
    let ask_with = |cors: Cors| {
        let server =
            serve(&[("em", DynBackend::clone(&store))], Options { cors, ..Options::default() });
        let origin = "Origin: https://viewer.example";
        let asked = [
            origin,
            "Access-Control-Request-Method: GET",
            "Access-Control-Request-Headers: range, authorization",
        ];
        let before = ask(server.address, "OPTIONS", "/em/a", &asked);
        let answer = get(server.address, "/em/a", &[origin]);
        let header = |name: &str| answer.header(name).map(str::to_owned);
        (
            before.status,
            before.header("access-control-allow-headers").map(str::to_owned),
            header("access-control-allow-origin"),
            header("access-control-expose-headers").is_some_and(|names| names.contains("etag")),
        )
    };
    let allowed = Some("range, authorization".to_owned());
    assert_eq!(ask_with(Cors::Any), (200, allowed.clone(), Some("*".into()), true));
    let mine = Cors::Origin("https://viewer.example".parse().expect("an origin"));
    let origin = Some("https://viewer.example".to_owned());
    assert_eq!(ask_with(mine), (200, allowed, origin, true));
    let (_, headers, origin, _) = ask_with(Cors::None);
    assert_eq!((headers, origin), (None, None));
}

#[test]
fn who_has_no_token_learns_only_that_the_server_lives() {
    let store = memory();
    put(&store, "a", "abc");
    let tokens = Some(Tokens::new(["0123456789abcdef"]));
    let server = serve(&[("em", store)], Options { tokens, ..Options::default() });
    for path in ["/em/a", "/em/nothing", "/", "/v1/volumes", "/metrics", "/openapi.json", "/other"]
    {
        for headers in [&[][..], &["Authorization: Bearer 0123456789abcdeX"]] {
            let answer = get(server.address, path, headers);
            assert_eq!(answer.status, 401, "{path}");
            assert!(answer.header("www-authenticate").is_some());
        }
    }
    assert_eq!(get(server.address, "/health", &[]).status, 200);
    let bearer = "Authorization: Bearer 0123456789abcdef";
    let answer = get(server.address, "/em/a", &[bearer]);
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("private, max-age=60")));
    // `user:0123456789abcdef`.
    let basic = "Authorization: Basic dXNlcjowMTIzNDU2Nzg5YWJjZGVm";
    assert_eq!(get(server.address, "/em/a", &[basic]).status, 200);
}

#[test]
fn what_is_served_is_listed_also_below_a_root_of_many_volumes() {
    let (one, many) = (memory(), memory());
    volume(&one);
    for place in ["a", "b/c"] {
        let prefix = bigarrays::Prefix::new(place).expect("a prefix");
        volume(
            &(std::sync::Arc::new(bigarrays::wrap::Prefixed::new(DynBackend::clone(&many), prefix))
                as _),
        );
    }
    put(&many, "broken/info", "{");
    let server = serve(&[("one", one), ("many", many)], Options::default());
    let listed = get(server.address, "/v1/volumes", &[]).json();
    let names: Vec<&str> = listed["volumes"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|volume| volume["name"].as_str())
        .collect();
    assert_eq!(names, ["many/a", "many/b/c", "many/broken", "one"]);
    assert!(listed["volumes"][2]["error"].is_string());
    assert_eq!(listed["volumes"][3]["scales"][0]["size"], serde_json::json!([100, 80, 60]));
    let page = get(server.address, "/", &[]);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(String::from_utf8(page.body).expect("text").contains("/many/b/c/info"));
    assert_eq!(get(server.address, "/many/b/c/info", &[]).status, 200);
}

#[test]
fn the_interface_describes_itself_and_counts() {
    let store = memory();
    volume(&store);
    let server = serve(&[("em", store)], Options { cache: 1 << 20, ..Options::default() });
    let document = get(server.address, "/openapi.json", &[]).json();
    assert_eq!(document["openapi"], "3.1.0");
    for path in ["/{name}/{key}", "/v1/{name}/cutout", "/v1/volumes", "/health", "/metrics"] {
        assert!(document["paths"][path]["get"]["responses"]["200"].is_object(), "{path}");
    }
    for _ in 0..2 {
        get(server.address, "/em/8_8_8/-10-22_0-32_5-37", &[]);
    }
    get(server.address, "/em/nothing", &[]);
    let text = String::from_utf8(get(server.address, "/metrics", &[]).body).expect("text");
    for line in [
        "bigarrays_requests_total{route=\"value\",status=\"200\"} 2",
        "bigarrays_requests_total{route=\"value\",status=\"404\"} 1",
        "bigarrays_cache_hits_total 2",
        "bigarrays_requests_in_flight 1",
    ] {
        assert!(text.lines().any(|said| said == line), "{line} in\n{text}");
    }
}
