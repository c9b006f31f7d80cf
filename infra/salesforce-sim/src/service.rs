//! The simulator as a service: one call in, one answer or a cut connection out.
//! Owns the order of things around a request: host, size, faults, time, work, answer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::http::{Request, Response, header};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use rand::{SeedableRng, rngs::StdRng};

use crate::clock::{Clock, ShiftedClock, SystemClock};
use crate::control::{Control, Desk, Struck};
use crate::http::query::Cursors;
use crate::http::reply::Reply;
use crate::http::request::{Call, HostRole};
use crate::http::route::Route;
use crate::http::usage::Usage;
use crate::http::{gzip, size};
use crate::image::{self, ImageError};
use crate::oauth::store::Store;
use crate::org::Org;
use crate::seed::{Seed, SeedError};

/// How a simulator is set up.
#[derive(Clone)]
pub struct Options {
    /// The org's time. Default: the machine's.
    pub clock: Arc<dyn Clock>,
    /// Origin of the login host, without a trailing slash. Default: `https://login.sim.example`.
    pub login_url: String,
    /// Origin of the instance host, without a trailing slash. Default: `https://org.my.sim.example`.
    pub instance_url: String,
    /// Seed of tokens and of the chance in faults. Default: 1.
    pub rng_seed: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            clock: Arc::new(SystemClock),
            login_url: "https://login.sim.example".to_owned(),
            instance_url: "https://org.my.sim.example".to_owned(),
            rng_seed: 1,
        }
    }
}

/// The connection was closed without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The connection was closed without an answer.")]
pub struct Cut {
    /// Whether the request's effects are stored all the same.
    pub committed: bool,
}

/// Marks an answer whose body was cut short: its `Content-Length` promises more.
#[derive(Clone, Copy, Debug)]
pub struct Truncated;

/// Marks an answer whose body trickles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slow {
    pub bytes_per_second: u32,
}

impl Slow {
    pub fn time_for(self, bytes: usize) -> std::time::Duration {
        let millis = (bytes as u64).saturating_mul(1_000) / u64::from(self.bytes_per_second.max(1));
        std::time::Duration::from_millis(millis)
    }
}

/// Everything a request can see and change, behind one lock.
pub(crate) struct World {
    pub org: Org,
    pub oauth: Store,
    pub cursors: Cursors,
    pub usage: Usage,
    pub jobs: crate::bulk::Jobs,
    pub signer: crate::oauth::id_token::Signer,
    pub login_url: String,
    pub instance_url: String,
    pub retired: Vec<String>,
    /// Transactions held open, with the instant each began.
    pub open: BTreeMap<u64, Timestamp>,
}

pub(crate) struct Shared {
    pub clock: Arc<ShiftedClock>,
    pub world: Mutex<World>,
    pub desk: Mutex<Desk>,
    /// What a reset goes back to.
    origin: Origin,
    options: Options,
    /// Requests and control calls worked on.
    worked: AtomicU64,
}

/// What the org was started from.
enum Origin {
    Seed(Box<Seed>),
    Image(Vec<u8>),
}

/// Why the org cannot be put back to its start, though it was started from there once.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The seed contradicts itself.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The saved org cannot be used.
    #[error(transparent)]
    Image(#[from] ImageError),
}

impl Shared {
    /// The world. A panic elsewhere leaves it readable: the simulator is for tests, which should see the state.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts everything back to the start.
    pub fn reset(&self) -> Result<(), StartError> {
        self.clock.set_offset(SignedDuration::ZERO);
        let fresh = match &self.origin {
            Origin::Seed(seed) => new_world(seed, &self.options, &self.clock)?,
            Origin::Image(image) => old_world(image, &self.options, &self.clock)?,
        };
        *self.world() = fresh;
        *self.desk() = Desk::new(StdRng::seed_from_u64(self.options.rng_seed ^ 1));
        Ok(())
    }

    /// Puts a saved org in the place of this one.
    pub fn replace(&self, image: &[u8]) -> Result<(), ImageError> {
        let restored = old_world(image, &self.options, &self.clock)?;
        *self.world() = restored;
        Ok(())
    }

    /// Notes that the org may have changed.
    pub fn note_work(&self) {
        self.worked.fetch_add(1, Ordering::SeqCst);
    }

    /// How often something was worked on.
    pub fn worked(&self) -> u64 {
        self.worked.load(Ordering::SeqCst)
    }

    /// Works on a request under the lock.
    pub fn process(&self, call: &Call, route: &Route, struck: &Struck, now: Timestamp) -> Reply {
        self.note_work();
        let mut world = self.world();
        if struck.expire_token
            && let Some(token) = call.bearer()
        {
            world.oauth.expire(token);
        }
        crate::http::handle(&mut world, call, route, &struck.records, now)
    }
}

fn new_world(seed: &Seed, options: &Options, clock: &Arc<ShiftedClock>) -> Result<World, SeedError> {
    let org = Org::from_seed(seed, Arc::clone(clock) as Arc<dyn Clock>)?;
    let rng = StdRng::seed_from_u64(options.rng_seed);
    let oauth = Store::new(seed.apps.clone(), org.organization_id(), rng);
    Ok(world(org, oauth, options))
}

fn old_world(image: &[u8], options: &Options, clock: &Arc<ShiftedClock>) -> Result<World, ImageError> {
    let shared: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    let restored = image::read(image, &shared)?;
    let rng = StdRng::seed_from_u64(options.rng_seed ^ restored.salt);
    let oauth = Store::restore(restored.grants, restored.org.organization_id(), rng);
    Ok(World { usage: restored.usage, ..world(restored.org, oauth, options) })
}

fn world(mut org: Org, oauth: Store, options: &Options) -> World {
    let trim = |url: &str| url.trim_end_matches('/').to_owned();
    org.set_instance_url(&trim(&options.instance_url));
    World {
        org,
        oauth,
        cursors: Cursors::default(),
        usage: Usage::default(),
        jobs: crate::bulk::Jobs::default(),
        signer: crate::oauth::id_token::Signer::default(),
        login_url: trim(&options.login_url),
        instance_url: trim(&options.instance_url),
        retired: Vec::new(),
        open: BTreeMap::new(),
    }
}

/// A simulated org that answers HTTP requests, in process or over sockets. Clones are the same org.
#[derive(Clone)]
pub struct Sim {
    control: Control,
}

impl Sim {
    /// Builds the org of a seed.
    ///
    /// # Errors
    /// When the seed contradicts itself.
    pub fn new(seed: Seed, options: Options) -> Result<Sim, SeedError> {
        let clock = Arc::new(ShiftedClock::new(Arc::clone(&options.clock)));
        let world = new_world(&seed, &options, &clock)?;
        Ok(Sim::of(world, clock, Origin::Seed(Box::new(seed)), options))
    }

    pub(crate) fn start_from(image: Vec<u8>, options: Options) -> Result<Sim, ImageError> {
        let clock = Arc::new(ShiftedClock::new(Arc::clone(&options.clock)));
        let world = old_world(&image, &options, &clock)?;
        Ok(Sim::of(world, clock, Origin::Image(image), options))
    }

    fn of(world: World, clock: Arc<ShiftedClock>, origin: Origin, options: Options) -> Sim {
        let desk = Desk::new(StdRng::seed_from_u64(options.rng_seed ^ 1));
        let shared = Shared { clock, world: Mutex::new(world), desk: Mutex::new(desk), origin, options, worked: AtomicU64::new(0) };
        Sim { control: Control::new(Arc::new(shared)) }
    }

    /// Answers one request in process.
    ///
    /// # Errors
    /// [`Cut`] when a fault closes the connection.
    pub async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Cut> {
        let response = self.respond(request).await?;
        if let Some(slow) = response.extensions().get::<Slow>() {
            pause(slow.time_for(response.body().len())).await;
        }
        Ok(response)
    }

    /// The same without waiting for a slow body: on a socket it trickles.
    pub(crate) async fn respond(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Cut> {
        let gzip = gzip::accepts(request.headers());
        let head = request.method() == ::http::Method::HEAD;
        let (mut reply, struck) = match self.prepare(request) {
            Err(reply) => (*reply, Struck::default()),
            Ok((call, Route::Control)) => (crate::control::routes::handle(&self.control, &call), Struck::default()),
            Ok((call, Route::Page)) => (crate::page::handle(&mut self.shared().world(), &call), Struck::default()),
            Ok((call, route)) => self.run(call, route).await?,
        };
        if let Some(media_type) = &struck.content_type {
            reply = reply.retyped(media_type);
        }
        let mut response = reply.into_response(gzip);
        if let Some(bytes) = struck.truncate {
            let kept = response.body().slice(..bytes.min(response.body().len()));
            *response.body_mut() = kept;
            response.extensions_mut().insert(Truncated);
        }
        if let Some(bytes_per_second) = struck.slow {
            response.extensions_mut().insert(Slow { bytes_per_second });
        }
        if head {
            *response.body_mut() = Bytes::new();
        }
        Ok(response)
    }

    fn shared(&self) -> &Arc<Shared> {
        self.control.shared()
    }

    fn prepare(&self, request: Request<Bytes>) -> Result<(Call, Route), Box<Reply>> {
        size::check(&request).map_err(Box::new)?;
        let role = self.role(&request);
        let call = Call::from_request(request, role).map_err(|failure| Box::new(failure.into_reply()))?;
        let route = Route::parse(&call.segments);
        Ok((call, route))
    }

    fn role(&self, request: &Request<Bytes>) -> HostRole {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let asked = request.uri().authority().map(|authority| authority.as_str()).or(host).unwrap_or_default();
        let world = self.shared().world();
        let same = |url: &str| authority(url).eq_ignore_ascii_case(authority(asked));
        match (same(&world.login_url), same(&world.instance_url)) {
            (true, false) => HostRole::Login,
            (false, true) => HostRole::Instance,
            _ if world.retired.iter().any(|url| same(url)) => HostRole::Retired,
            _ => HostRole::Any,
        }
    }

    /// Lets faults strike, works, counts.
    async fn run(&self, call: Call, route: Route) -> Result<(Reply, Struck), Cut> {
        let shared = self.shared();
        let struck = shared.desk().strike(&call, &route);
        pause(struck.before).await;
        let number = struck.number;
        if struck.cut_before {
            shared.desk().note_cut(number, false);
            return Err(Cut { committed: false });
        }
        let now = shared.clock.now();
        let reply = match (&struck.instead, struck.hold) {
            (Some(reply), _) => reply.clone(),
            (None, Some(cut)) => {
                let answer = self.control.hold(call, route, struck.clone(), now);
                if cut {
                    shared.desk().note_cut(number, false);
                    return Err(Cut { committed: false });
                }
                answer.await.map_err(|_| Cut { committed: false })?
            }
            (None, None) => shared.process(&call, &route, &struck, now),
        };
        pause(struck.after).await;
        if struck.cut_after {
            shared.desk().note_cut(number, true);
            return Err(Cut { committed: true });
        }
        shared.desk().note_answer(number, reply.status);
        Ok((reply, struck))
    }

    /// Looks at or changes the org directly, outside any request. The org is locked meanwhile: `f` must not
    /// call the simulator.
    pub fn with_org<R>(&self, f: impl FnOnce(&mut Org) -> R) -> R {
        self.shared().note_work();
        f(&mut self.shared().world().org)
    }

    /// Faults, counters and the other levers of a test.
    pub fn control(&self) -> &Control {
        &self.control
    }
}

/// Waits in tokio time; no wait needs no timer.
async fn pause(time: std::time::Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

/// Host and port of an origin, or of a bare authority; the default ports are left out.
pub(crate) fn authority(url: &str) -> &str {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split('/').next().unwrap_or_default();
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => "",
    };
    authority.strip_suffix(default_port).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_compare_without_scheme_path_and_default_port() {
        for (url, want) in [("https://a.example:443/x", "a.example"), ("http://127.0.0.1:8080", "127.0.0.1:8080"), ("a.example:443", "a.example:443")]
        {
            assert_eq!(authority(url), want, "{url}");
        }
    }
}
