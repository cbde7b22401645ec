//! How many values a second a web server sends to many clients at once.
//!
//! ```sh
//! cargo run --release -p bigarrays-server --example load -- 127.0.0.1:8080 200 20000 /em/info …
//! ```
//! So many clients, each on a connection that it keeps, ask for the paths in turn until so many
//! requests are answered. `tests/python/server_load.py` compares with nginx.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "an example stops with a message")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// One answer: its status and how many bytes it has.
fn answer(reader: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> (u16, u64) {
    let (mut line, mut status, mut len) = (String::new(), 0, 0);
    reader.read_line(&mut line).expect("an answer");
    if let Some(said) = line.split(' ').nth(1) {
        status = said.parse().expect("a status");
    }
    loop {
        line.clear();
        reader.read_line(&mut line).expect("a header");
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            len = value.trim().parse().expect("a length");
        }
    }
    body.resize(usize::try_from(len).expect("small"), 0);
    reader.read_exact(body).expect("the body");
    (status, len)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (address, rest) = arguments.split_first().expect("ADDRESS CLIENTS REQUESTS PATH…");
    let number = |at: usize| -> u64 { rest[at].parse().expect("a number") };
    let (clients, requests) = (number(0), number(1));
    let paths: Arc<[String]> = rest[2..].into();
    let (asked, sent, failed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let begun = Instant::now();
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..clients)
            .map(|_| {
                let (paths, asked, sent, failed) = (Arc::clone(&paths), &asked, &sent, &failed);
                scope.spawn(move || {
                    let stream = TcpStream::connect(address).expect("a connection");
                    stream.set_nodelay(true).expect("an option");
                    let mut writer = stream.try_clone().expect("a handle");
                    let (mut reader, mut body) = (BufReader::new(stream), Vec::new());
                    let mut times = Vec::new();
                    loop {
                        let turn = asked.fetch_add(1, Relaxed);
                        if turn >= requests {
                            return times;
                        }
                        let turn = usize::try_from(turn).expect("small") % paths.len();
                        let begun = Instant::now();
                        let path = &paths[turn];
                        write!(writer, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
                        let (status, len) = answer(&mut reader, &mut body);
                        times.push(begun.elapsed());
                        sent.fetch_add(len, Relaxed);
                        failed.fetch_add(u64::from(status != 200), Relaxed);
                    }
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no failure")).collect()
    });
    let took = begun.elapsed();
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    let (sent, failed) = (sent.into_inner(), failed.into_inner());
    println!(
        "{clients} clients: {} requests/s, {} MiB/s, half within {:?}, 99 % within {:?}, {failed} not 200",
        u128::from(requests) * 1000 / took.as_millis().max(1),
        (u128::from(sent) * 1000 / took.as_millis().max(1)) >> 20,
        at(50),
        at(99),
    );
}
