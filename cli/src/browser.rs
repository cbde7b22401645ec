//! Opens pages in the user's browser.

use std::process::{Command, Stdio};
use std::{env, io, thread};

/// Opens a page. It does not wait until the browser has it.
///
/// `BROWSER` names the program, as for others; else it is what the system has for this.
pub(crate) fn open(page: &str) -> Result<(), String> {
    let mut command = opener()?;
    let shown = command.get_program().to_string_lossy().into_owned();
    command.arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| story(&shown, &error))?;
    // Somebody must hear how it ended, or it stays as a zombie.
    let _detached = thread::Builder::new().name("browser".into()).spawn(move || child.wait());
    Ok(())
}

fn story(program: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            format!("{program} is not installed; open the address, or set BROWSER")
        }
        _ => format!("{program}: {error}"),
    }
}

fn opener() -> Result<Command, String> {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    if let Some(browser) = env::var_os("BROWSER").filter(|name| !name.is_empty()) {
        return Ok(Command::new(browser));
    }
    if cfg!(target_os = "macos") {
        return Ok(Command::new("open"));
    }
    if cfg!(windows) {
        let mut command = Command::new("rundll32");
        command.arg("url.dll,FileProtocolHandler");
        return Ok(command);
    }
    // Elsewhere a browser of the terminal would take it over.
    if !is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY") {
        return Err("there is no display; over ssh forward the port (ssh -L PORT:127.0.0.1:PORT \
                    HOST), and open the address on your machine"
            .to_owned());
    }
    Ok(Command::new("xdg-open"))
}
