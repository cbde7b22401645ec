//! `bigarrays view`: volumes in the browser.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bigarrays_server::{Cors, Log, Options, neuroglancer};
use serde_json::json;

use super::serve;
use crate::args::{PageArg, ViewArgs};
use crate::browser;
use crate::console::Console;
use crate::error::CliError;

pub(crate) fn run(args: &ViewArgs, console: Console) -> Result<(), CliError> {
    let served = serve::open(&args.served, false)?;
    let client = args.neuroglancer.as_ref().map(|page| page.0.clone());
    let options = Options {
        bind: args.bind,
        cors: cors(neuroglancer(client.as_deref())),
        neuroglancer: client,
        cache: args.cache.0,
        log: Log::new(move |line| console.note(line)),
        ..Options::default()
    };
    serve::host(served, options, async |server| {
        let volumes = server.volumes().await?;
        if volumes.is_empty() {
            let urls: Vec<&str> = args.served.iter().map(|served| &*served.url).collect();
            return Err(CliError::refused(format!(
                "there is no volume in {}; a volume has a value named info (see bigarrays ls)",
                urls.join(", ")
            )));
        }
        let place = format!("http://{}", as_seen(server.addresses().bind));
        let page = format!("{place}/view/");
        let text = format!("{page}\nshows {}; Ctrl-C ends it", in_words(&volumes));
        console.facts(&json!({ "url": place, "page": page, "volumes": volumes }), &text);
        if !args.no_open
            && let Err(why) = browser::open(&page)
        {
            console.note(&format!("no browser was opened: {why}"));
        }
        Ok(())
    })
}

/// Where a browser on this machine finds it.
fn as_seen(bind: SocketAddr) -> SocketAddr {
    match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, bind.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, bind.port()).into(),
        _ => bind,
    }
}

/// Who may read beside the page: the client that its button opens, if that is elsewhere.
fn cors(client: &str) -> Cors {
    let origin = PageArg::origin(client).and_then(|origin| origin.parse().ok());
    origin.map_or(Cors::None, Cors::Origin)
}

fn in_words(volumes: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = volumes.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match volumes.len().checked_sub(SHOWN) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_client_may_read_from_elsewhere() {
        assert_eq!(cors("../neuroglancer/"), Cors::None);
        let origin = Cors::Origin("https://ng.example".parse().unwrap());
        assert_eq!(cors("https://ng.example/v/2"), origin);
    }

    #[test]
    fn a_browser_does_not_find_an_address_of_all_hosts() {
        let seen = |bind: &str| as_seen(bind.parse().unwrap()).to_string();
        assert_eq!(seen("0.0.0.0:80"), "127.0.0.1:80");
        assert_eq!(seen("[::1]:80"), "[::1]:80");
    }

    #[test]
    fn many_volumes_are_counted() {
        let volumes: Vec<String> = (0..7).map(|n| format!("v{n}")).collect();
        assert_eq!(in_words(&volumes[..2]), "v0, v1");
        assert_eq!(in_words(&volumes), "v0, v1, v2, v3, v4 and 2 more");
    }
}
