//! A real `nats-server` with `JetStream`, for one test: on a free port, with a
//! folder of its own, ended when dropped, also where the test panics.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Says which server is used; else the one that `cargo xtask test` installs,
/// else the one on the path.
pub const SERVER: &str = "COSEAL_NATS_SERVER";

/// How long a server may take to listen: it takes a few milliseconds where the
/// machine has nothing else to do.
const START: Duration = Duration::from_secs(20);

/// Longest message, in bytes: the server's own default.
pub const MAX_PAYLOAD: usize = 1 << 20;

/// A server.
#[derive(Debug)]
pub struct NatsServer {
    child: Mutex<Option<Child>>,
    port: u16,
    folder: TempDir,
}

impl NatsServer {
    /// Starts one, with nothing in it.
    ///
    /// # Panics
    ///
    /// Where there is none, or it does not listen: a test that cannot reach its
    /// server fails.
    #[must_use]
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a folder for the server");
        let port = free_port();
        let config = format!(
            "host: 127.0.0.1\nport: {port}\nmax_payload: {MAX_PAYLOAD}\n\
             jetstream {{ store_dir: {:?}, max_file: 1GB, max_mem: 256MB, sync_interval: 1s }}\n",
            folder.path().join("jetstream"),
        );
        std::fs::write(folder.path().join("server.conf"), config).expect("its configuration");
        let server = Self { child: Mutex::new(None), port, folder };
        server.begin();
        server
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Ends it in order.
    pub fn stop(&self) {
        let Some(mut child) = self.child.lock().unwrap().take() else { return };
        kill_process(Pid::from_child(&child), Signal::TERM).expect("the server runs");
        child.wait().expect("the server ends");
    }

    /// Ends it as by −9.
    pub fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            child.kill().expect("the server ends");
            child.wait().expect("the server ended");
        }
    }

    /// Starts it again, on the same port, with what it had stored.
    pub fn begin(&self) {
        let log = self.folder.path().join("server.log");
        let child = Command::new(server())
            .arg("-c")
            .arg(self.folder.path().join("server.conf"))
            .arg("-l")
            .arg(&log)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        *self.child.lock().unwrap() = Some(child);
        let begun = Instant::now();
        while !listens(self.port) {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            assert!(begun.elapsed() < START, "the server does not listen:\n{log}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it in order, and starts it again.
    pub fn restart(&self) {
        self.stop();
        self.begin();
    }

    /// Says something to it as no client would: an attacker's bytes, between
    /// the greeting and a ping. Returns when the server has taken them.
    pub fn say(&self, protocol: &[u8]) {
        let mut stream = TcpStream::connect(address(self.port)).expect("the server listens");
        stream.set_read_timeout(Some(START)).unwrap();
        stream.write_all(b"CONNECT {\"verbose\":false,\"headers\":true}\r\n").unwrap();
        stream.write_all(protocol).unwrap();
        stream.write_all(b"PING\r\n").unwrap();
        let lines = BufReader::new(stream).lines();
        let mut lines = lines.map(|line| line.expect("the server answers"));
        assert!(lines.any(|line| line == "PONG"), "the server closed the connection");
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.get_mut().ok().and_then(Option::take) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

const fn address(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(address(0)).expect("a free port");
    listener.local_addr().expect("its number").port()
}

/// It greets whoever connects.
fn listens(port: u16) -> bool {
    let Ok(stream) = TcpStream::connect(address(port)) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let mut greeting = String::new();
    BufReader::new(stream).read_line(&mut greeting).is_ok() && greeting.starts_with("INFO ")
}

/// The program, found once.
fn server() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        if let Some(named) = env::var_os(SERVER) {
            return PathBuf::from(named);
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let installed = env::current_exe().ok().and_then(|test| {
            let targets = test.ancestors().map(|folder| folder.join("tools/bin"));
            targets.map(|tools| tools.join("nats-server")).find(|tool| tool.is_file())
        });
        let on_path = || env::split_paths(&path).map(|folder| folder.join("nats-server"));
        installed.or_else(|| on_path().find(|tool| tool.is_file())).unwrap_or_else(|| {
            panic!("no nats-server: `cargo xtask test nats` installs one, or set {SERVER}")
        })
    })
}
