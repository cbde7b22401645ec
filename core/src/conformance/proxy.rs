//! A bad network on loopback: connections to a server that are cut, stalled or answered late.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What happens to the replies of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weather {
    /// Nothing.
    Clear,
    /// Each reply comes so much later.
    Late(Duration),
    /// The connection breaks after so many bytes of a reply.
    Cut(u64),
    /// Of so many replies the last one is lost: the request arrived, and the connection breaks.
    LoseEach(u64),
    /// Replies do not come, and the connection stays open.
    Stall,
    /// Nobody answers.
    Refuse,
}

/// A relay between a client and a server, both on loopback, in any [`Weather`].
///
/// A reply is what a server sends after it was sent something, so this is for protocols that
/// take turns, such as HTTP/1.1.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    server: SocketAddr,
    weather: Mutex<Weather>,
    changed: Condvar,
    replies: AtomicU64,
    closed: AtomicBool,
}

impl Proxy {
    /// Listens on a free port of loopback, and passes on to `server`.
    ///
    /// # Errors
    /// What the system says if there is no port or no thread to have.
    pub fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server,
            weather: Mutex::new(Weather::Clear),
            changed: Condvar::new(),
            replies: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        spawn(move || accepting.accept(&listener))?;
        Ok(Self { address, shared })
    }

    /// Where clients connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What happens from now on, also to replies that wait.
    pub fn set(&self, weather: Weather) {
        *self.shared.weather() = weather;
        self.shared.changed.notify_all();
    }

    /// How many replies the server has begun.
    #[must_use]
    pub fn replies(&self) -> u64 {
        self.shared.replies.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.shared.changed.notify_all();
        // Wakes the thread that accepts; what becomes of this connection does not matter.
        let _ = TcpStream::connect(self.address);
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({} -> {})", self.address, self.shared.server)
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("proxy".into()).spawn(work).map(drop)
}

impl Shared {
    fn weather(&self) -> MutexGuard<'_, Weather> {
        self.weather.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming() {
            if self.is_closed() {
                return;
            }
            // A client that finds nobody behind the proxy sees its connection closed.
            if let Ok(client) = client
                && *self.weather() != Weather::Refuse
            {
                let _ = Self::relay(&self, client);
            }
        }
    }

    /// Both directions of one connection, each on its thread.
    fn relay(this: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        let server = TcpStream::connect(this.server)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let asked = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&asked);
        let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
        spawn(move || {
            let _ = pass(&mut from, &mut to, || flag.store(true, Ordering::SeqCst));
            close(&to);
        })?;
        let this = Arc::clone(this);
        spawn(move || {
            let _ = this.answer(&server, &client, &asked);
            close(&client);
            close(&server);
        })
    }

    /// Passes replies on as the weather lets them through.
    fn answer(
        &self,
        mut server: &TcpStream,
        mut client: &TcpStream,
        asked: &AtomicBool,
    ) -> io::Result<()> {
        let mut buffer = [0; 16 << 10];
        let mut left = u64::MAX;
        loop {
            let count = server.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            if asked.swap(false, Ordering::SeqCst) {
                left = self.begin_reply();
            }
            let passed = usize::try_from(left).unwrap_or(usize::MAX).min(count);
            client.write_all(&buffer[..passed])?;
            left -= passed as u64;
            if passed < count || left == 0 {
                return Ok(());
            }
        }
    }

    /// Waits as long as a reply must, and tells how many of its bytes go through.
    fn begin_reply(&self) -> u64 {
        let number = self.replies.fetch_add(1, Ordering::SeqCst) + 1;
        let mut weather = self.weather();
        loop {
            match *weather {
                _ if self.is_closed() => return 0,
                Weather::Clear => return u64::MAX,
                Weather::Late(delay) => {
                    drop(weather);
                    thread::sleep(delay);
                    return u64::MAX;
                }
                Weather::Cut(bytes) => return bytes,
                Weather::LoseEach(count) if number.is_multiple_of(count) => return 0,
                Weather::LoseEach(_) => return u64::MAX,
                Weather::Refuse => return 0,
                Weather::Stall => {
                    weather = self.changed.wait(weather).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

fn pass(from: &mut TcpStream, to: &mut TcpStream, before: impl Fn()) -> io::Result<()> {
    let mut buffer = [0; 16 << 10];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        before();
        to.write_all(&buffer[..count])?;
    }
}

fn close(stream: &TcpStream) {
    // Already closed by the other side is as good.
    let _ = stream.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers each byte with ten of it.
    fn server() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut byte = [0];
                    while stream.read_exact(&mut byte).is_ok() {
                        stream.write_all(&[byte[0]; 10]).unwrap();
                    }
                });
            }
        });
        address
    }

    fn ask(proxy: &Proxy, byte: u8) -> usize {
        let mut stream = TcpStream::connect(proxy.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // A refused connection may be closed before this is written.
        let _ = stream.write_all(&[byte]);
        let mut got = 0;
        let mut buffer = [0; 10];
        while got < 10 {
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(count) => got += count,
            }
        }
        got
    }

    #[test]
    fn replies_come_through_or_not_as_the_weather_says() {
        let proxy = Proxy::start(server()).unwrap();
        assert_eq!(ask(&proxy, 1), 10);
        proxy.set(Weather::Cut(4));
        assert_eq!(ask(&proxy, 1), 4);
        proxy.set(Weather::Late(Duration::from_millis(1)));
        assert_eq!(ask(&proxy, 1), 10);
        assert_eq!(proxy.replies(), 3);
        proxy.set(Weather::LoseEach(2));
        assert_eq!([ask(&proxy, 1), ask(&proxy, 1)], [0, 10]);
        proxy.set(Weather::Refuse);
        assert_eq!(ask(&proxy, 1), 0);
        assert_eq!(proxy.replies(), 5);
    }

    #[test]
    fn a_stalled_reply_comes_when_the_weather_clears() {
        let proxy = Proxy::start(server()).unwrap();
        proxy.set(Weather::Stall);
        thread::scope(|scope| {
            let asking = scope.spawn(|| ask(&proxy, 1));
            while proxy.replies() == 0 {
                thread::yield_now();
            }
            assert!(!asking.is_finished());
            proxy.set(Weather::Clear);
            assert_eq!(asking.join().unwrap(), 10);
        });
    }
}
