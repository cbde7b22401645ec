//! A server between the store and S3 that counts, loses and invents answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// One HTTP message, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// What becomes of a request.
pub(crate) enum Action {
    /// It is passed on, and so is the answer.
    Pass,
    /// It is passed on, and the answer is lost with the connection.
    LoseAnswer,
    /// Nothing ever comes.
    Hang,
    /// It is not passed on; this is the answer, and the connection ends.
    Answer(Vec<u8>),
}

/// A running proxy. It ends with the test program.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Message>>>,
}

impl Message {
    pub(crate) fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    /// Path and query.
    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim()).next()
    }

    fn read(from: &mut BufReader<TcpStream>, bodyless: bool) -> Option<Self> {
        let mut head = String::new();
        loop {
            if from.read_line(&mut head).ok()? == 0 {
                return None;
            }
            if head.ends_with("\r\n\r\n") {
                break;
            }
        }
        let mut message = Self { head, body: Vec::new() };
        if message.head.starts_with("HTTP/1.1 100") {
            return Self::read(from, bodyless);
        }
        let none = ["HTTP/1.1 204", "HTTP/1.1 304"].iter().any(|s| message.head.starts_with(s));
        if bodyless || none {
            return Some(message);
        }
        if message.header("transfer-encoding").is_some() {
            message.read_chunks(from)?;
        } else if let Some(length) = message.header("content-length") {
            message.body = vec![0; length.parse().ok()?];
            from.read_exact(&mut message.body).ok()?;
        }
        Some(message)
    }

    /// Chunks are kept as they came, so that they can be passed on.
    fn read_chunks(&mut self, from: &mut BufReader<TcpStream>) -> Option<()> {
        loop {
            let mut line = String::new();
            from.read_line(&mut line).ok()?;
            self.body.extend_from_slice(line.as_bytes());
            let length = usize::from_str_radix(line.trim(), 16).ok()?;
            let mut chunk = vec![0; length + 2];
            from.read_exact(&mut chunk).ok()?;
            self.body.extend_from_slice(&chunk);
            if length == 0 {
                return Some(());
            }
        }
    }

    fn write(&self, to: &mut TcpStream) -> std::io::Result<()> {
        to.write_all(&[self.head.as_bytes(), &self.body].concat())
    }
}

impl Proxy {
    /// Starts one; `decide` is asked for every request.
    pub(crate) fn start(
        upstream: Option<&str>,
        decide: impl Fn(&Message) -> Action + Send + Sync + 'static,
    ) -> Self {
        let upstream = upstream.map(|url| url.trim_start_matches("http://").to_owned());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::<Mutex<Vec<Message>>>::default();
        let (log, decide) = (Arc::clone(&seen), Arc::new(decide));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (log, decide) = (Arc::clone(&log), Arc::clone(&decide));
                let upstream = upstream.clone();
                thread::spawn(move || serve(client, upstream.as_deref(), &*decide, &log));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Message> {
        self.seen.lock().expect("the log").clone()
    }

    /// How many requests of this method came so far.
    pub(crate) fn count(&self, method: &str) -> usize {
        self.seen().iter().filter(|request| request.method() == method).count()
    }
}

fn serve(
    client: TcpStream,
    upstream: Option<&str>,
    decide: &dyn Fn(&Message) -> Action,
    log: &Mutex<Vec<Message>>,
) -> Option<()> {
    client.set_nodelay(true).ok()?;
    let mut answers = client.try_clone().ok()?;
    let mut requests = BufReader::new(client);
    let mut server: Option<BufReader<TcpStream>> = None;
    while let Some(request) = Message::read(&mut requests, false) {
        log.lock().ok()?.push(request.clone());
        let action = decide(&request);
        match action {
            Action::Answer(bytes) => return answers.write_all(&bytes).ok(),
            Action::Hang => loop {
                thread::park();
            },
            _ => {}
        }
        if server.is_none() {
            let connection = TcpStream::connect(upstream?).ok()?;
            connection.set_nodelay(true).ok()?;
            server = Some(BufReader::new(connection));
        }
        let server = server.as_mut()?;
        request.write(server.get_mut()).ok()?;
        let answer = Message::read(server, request.method() == "HEAD")?;
        if matches!(action, Action::LoseAnswer) {
            return None;
        }
        answer.write(&mut answers).ok()?;
    }
    Some(())
}

/// An answer with this status, headers and body, after which the connection ends.
pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "content-length") {
        head += &format!("content-length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// A refusal as S3 writes it.
pub(crate) fn refusal(status: &str, code: &str) -> Vec<u8> {
    let body = format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message>\
         <RequestId>R1</RequestId></Error>"
    );
    answer(status, &[("content-type", "application/xml")], body.as_bytes())
}
