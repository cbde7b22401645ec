//! A server in this process, on a port of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bigarrays::backend::{KeyValueBackendExt, wait};
use bigarrays::memory::MemoryBackend;
use bigarrays::ndarray::Array4;
use bigarrays::{BigArray, DataType, DynBackend, Key, VolumeInfo};
use bigarrays_server::{Addresses, Log, Options, Served, Server};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// A server that ends when it is dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    /// The gateway's, if there is one.
    pub(crate) s3: Option<SocketAddr>,
    pub(crate) log: Arc<Mutex<Vec<String>>>,
    stop: Option<oneshot::Sender<()>>,
    runtime: Option<Runtime>,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Running {
    /// Ends it as a signal does, and waits for the end.
    pub(crate) fn end(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let (Some(runtime), Some(task)) = (&self.runtime, self.task.take()) {
            runtime.block_on(task).expect("the server ends");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Any free port.
pub(crate) fn anywhere() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// Serves stores with options.
pub(crate) fn serve(stores: &[(&str, DynBackend)], options: Options) -> Running {
    let runtime = Runtime::new().expect("a runtime");
    let log = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&log);
    let tell = move |line: &str| lines.lock().expect("no panic").push(line.to_owned());
    let options = Options { bind: anywhere(), log: Log::new(tell), ..options };
    let served = stores
        .iter()
        .map(|(name, store)| Served::new(name, Arc::clone(store)).expect("a name"))
        .collect();
    let server = runtime.block_on(Server::bind(served, options)).expect("it listens");
    let Addresses { bind: address, s3 } = server.addresses();
    let (stop, stopped) = oneshot::channel();
    let task = runtime.spawn(server.run(async {
        let _ = stopped.await;
    }));
    Running { address, s3, log, stop: Some(stop), runtime: Some(runtime), task: Some(task) }
}

/// A store in memory.
pub(crate) fn memory() -> DynBackend {
    Arc::new(MemoryBackend::new())
}

pub(crate) fn put(store: &DynBackend, key: &str, value: impl Into<bigarrays::backend::Value>) {
    let key = Key::new(key).expect("a key");
    wait(store.put_always(&key, value.into())).expect("it is put");
}

/// Voxels that say where they are.
pub(crate) fn voxels(shape: [usize; 4]) -> Array4<u8> {
    Array4::from_shape_fn(shape, |(x, y, z, c)| {
        u8::try_from((x * 3 + y * 5 + z * 7 + c * 11) % 251).expect("small")
    })
}

/// A volume of uint8 in a store: 100 × 80 × 60 voxels from (-10, 0, 5) on.
pub(crate) fn volume(store: &DynBackend) -> BigArray {
    let info = VolumeInfo::builder(DataType::Uint8, [100, 80, 60])
        .voxel_offset([-10, 0, 5])
        .chunk_size([32, 32, 32])
        .resolution([8.0, 8.0, 8.0])
        .build()
        .expect("valid");
    let array = BigArray::create(Arc::clone(store), info).expect("created");
    array.write([-10, 0, 5], voxels([100, 80, 60, 1]).view()).expect("written");
    array
}
