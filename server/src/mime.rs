//! What a value is, as its name tells.

/// The type of a file that a browser loads, by its name.
pub(crate) fn of_file(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "ico" => "image/x-icon",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The types that stored values have.
pub(crate) const VALUES: [&str; 5] = [
    "application/octet-stream",
    "application/json",
    "image/png",
    "image/jpeg",
    "text/plain; charset=utf-8",
];

/// The type of a stored value. Nothing that a store holds is ever a page or a script: whoever may
/// write to a volume may not run programs in the browsers of those who look at it.
pub(crate) fn of_value(key: &str) -> &'static str {
    let name = key.rsplit('/').next().unwrap_or(key);
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "json" => "application/json",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "txt" => "text/plain; charset=utf-8",
        // `info` and `provenance` of volumes, `…:0` manifests of meshes.
        _ if matches!(name, "info" | "provenance") || name.ends_with(":0") => "application/json",
        _ => "application/octet-stream",
    }
}

/// Whether a value describes others, and so may change while they stay.
pub(crate) fn is_description(key: &str) -> bool {
    matches!(key.rsplit('/').next(), Some("info" | "provenance"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_have_the_type_that_browsers_insist_on() {
        assert_eq!(of_file("a/b.js"), "text/javascript; charset=utf-8");
        assert_eq!(of_file("b.wasm"), "application/wasm");
        assert_eq!(of_file("Makefile"), "application/octet-stream");
    }

    #[test]
    fn no_stored_value_is_a_page() {
        for key in ["a.html", "b/c.js", "d.svg", "8_8_40/0-64_0-64_0-64"] {
            assert_eq!(of_value(key), "application/octet-stream", "{key}");
        }
        for key in ["a", "a/info", "a.json", "a.png", "a.jpg", "a.txt", "1:0", "provenance"] {
            assert!(VALUES.contains(&of_value(key)), "{key}");
        }
        assert_eq!(of_value("v/info"), "application/json");
        assert_eq!(of_value("mesh/17:0"), "application/json");
    }
}
