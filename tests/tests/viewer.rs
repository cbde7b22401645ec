//! `bigarrays view`: the page in a real browser, and the real neuroglancer client.

#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bigarrays_tests::{command, python, run_python, shared, web_python};

#[test]
fn the_page_shows_the_voxels_of_the_server() {
    let (Some(command), Some(python)) = (command(), python()) else { return };
    let work = tempfile::tempdir().expect("a folder");
    run_python(&python, "server_viewer.py", &[&command, work.path()]);
}

#[test]
fn neuroglancer_shows_what_is_served_and_nothing_where_nothing_is() {
    let (Some(command), Some(python)) = (command(), python()) else { return };
    let Some(shot) = shared("interop/ng_shot.py") else { return };
    let Some(web) = web_python() else { return };
    let work = tempfile::tempdir().expect("a folder");
    run_python(&python, "server_neuroglancer.py", &[&command, work.path(), &shot, &web]);
}

#[test]
fn the_browser_is_given_the_page_and_ctrl_c_ends_it() {
    let Some(command) = command() else { return };
    let work = tempfile::tempdir().expect("a folder");
    let (volume, told) = (work.path().join("em"), work.path().join("told"));
    let created = Command::new(&command)
        .args(["create", "--size", "8,8,8", "--dtype", "uint8"])
        .arg(&volume)
        .output()
        .expect("it runs");
    assert!(created.status.success());
    // A browser that notes what it is to show.
    let browser = work.path().join("browser");
    let script = format!("#!/bin/sh\necho \"$1\" >{0}.new && mv {0}.new {0}\n", told.display());
    fs::write(&browser, script).expect("written");
    fs::set_permissions(&browser, fs::Permissions::from_mode(0o755)).expect("made a program");
    let mut view = Command::new(&command)
        .args(["--json", "view"])
        .arg(&volume)
        .env("BROWSER", &browser)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut line = String::new();
    let out = view.stdout.take().expect("piped");
    BufReader::new(out).read_line(&mut line).expect("a line");
    let facts: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(facts["volumes"], serde_json::json!(["em"]));
    let begun = Instant::now();
    while !told.exists() && begun.elapsed() < Duration::from_secs(30) {
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let shown = fs::read_to_string(&told).expect("the browser was started");
    assert_eq!(Some(shown.trim()), facts["page"].as_str());
    let kill = Command::new("kill").args(["-INT", &view.id().to_string()]).status();
    assert!(kill.expect("it runs").success());
    assert_eq!(view.wait().expect("it ends").code(), Some(0));
}

#[test]
fn what_has_no_volume_is_not_shown() {
    let Some(command) = command() else { return };
    let work = tempfile::tempdir().expect("a folder");
    let nothing = work.path().join("nothing");
    fs::create_dir(&nothing).expect("a folder");
    let view = Command::new(&command).args(["view", "--no-open"]).arg(&nothing).output();
    let view = view.expect("it runs");
    assert_eq!(view.status.code(), Some(1));
    let said = String::from_utf8_lossy(&view.stderr).into_owned();
    assert!(said.contains("there is no volume in"), "{said}");
}
