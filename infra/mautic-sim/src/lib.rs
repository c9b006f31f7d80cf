#![doc = include_str!("../README.md")]

mod auth;
mod companies;
mod control;
mod hooks;
mod list;
mod routes;
mod show;
mod store;
mod write;

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use tokio::net::TcpListener;

pub use control::{Fault, Request};
pub use store::{CLIENT_ID, CLIENT_SECRET, Contact, DoNotContact, Field, Hook, PASSWORD, Store, USER, User};

/// What tells the time.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A simulated Mautic. Cloning shares it.
#[derive(Clone)]
pub struct Mautic {
    store: Arc<Mutex<Store>>,
    now: Now,
    http: reqwest::Client,
}

impl fmt::Debug for Mautic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mautic")
    }
}

impl Mautic {
    /// An installation with the standard fields, the API and basic authentication switched on, and an administrator.
    #[must_use]
    pub fn new(now: Now) -> Self {
        Self { store: Arc::new(Mutex::new(Store::new())), now, http: reqwest::Client::new() }
    }

    /// Serves it on a port of the loopback interface, 0 for any, until the runtime ends. Answers where it listens.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn serve(&self, port: u16) -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let router = routes::router(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(address)
    }

    /// Looks at what it holds, or changes it without anybody noticing.
    pub fn with<T>(&self, change: impl FnOnce(&mut Store) -> T) -> T {
        change(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        (self.now)()
    }
}
