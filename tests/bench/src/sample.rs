//! Starts functions, and takes their times and their memory.

use std::num::NonZeroU32;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use crate::binaries::Built;
use crate::runtime_api::{RuntimeApi, Seen};

/// One start of one function.
#[derive(Clone, Debug)]
pub struct Sample {
    /// From the start of the process to its asking for the first event: what Lambda calls the init phase.
    pub init: Duration,
    /// From the first event's leaving to its answer's arriving.
    pub first_answer: Duration,
    /// Resident memory while waiting for the first event.
    pub waiting_kib: u64,
    /// Resident memory while waiting for the second event.
    pub answered_kib: u64,
    /// What the function said where it answered with a failure.
    pub failure: Option<String>,
}

/// A function with all its samples.
#[derive(Debug)]
pub struct Measured<'a> {
    pub built: &'a Built,
    pub samples: Vec<Sample>,
}

/// Starts every function once per round, in turn, so that a machine that slows down slows them all.
///
/// # Errors
/// A function that does not start, or that falls silent.
pub fn measure(built: &[Built], rounds: NonZeroU32) -> Result<Vec<Measured<'_>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut all: Vec<Measured<'_>> = built.iter().map(|built| Measured { built, samples: Vec::new() }).collect();
    for _ in 0..rounds.get() {
        for measured in &mut all {
            let sample =
                runtime.block_on(take(measured.built)).with_context(|| format!("The function {} was not measured.", measured.built.subject.name))?;
            measured.samples.push(sample);
        }
    }
    Ok(all)
}

async fn take(built: &Built) -> Result<Sample> {
    let mut api = RuntimeApi::start().await?;
    let started = Instant::now();
    let mut process = spawn(built, &api, &[])?;

    let init = asked(&mut api, &mut process).await? - started;
    let waiting_kib = resident_kib(&process)?;

    let handed_out = Instant::now();
    api.hand_out(built.subject.event.clone())?;
    let (answered, failure) = match observe(&mut api, &mut process).await? {
        Seen::Answered(at) => (at, None),
        Seen::Failed(at, how) => (at, Some(how)),
        Seen::Asked(_) => bail!("It asked for a second event before it had answered the first."),
    };
    asked(&mut api, &mut process).await?;
    let answered_kib = resident_kib(&process)?;

    process.kill().await?;
    Ok(Sample { init, first_answer: answered - handed_out, waiting_kib, answered_kib, failure })
}

/// Starts the binary with what Lambda and the template would tell it, and with nothing else. Its surroundings are an empty
/// account, unless they are others.
pub fn spawn(built: &Built, api: &RuntimeApi, surroundings: &[(&str, String)]) -> Result<Child> {
    let mut command = Command::new(&built.path);
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", built.subject.name)
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "bench")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "bench")
        .env("AWS_REGION", "eu-west-3")
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "bench")
        .env("AWS_ENDPOINT_URL", format!("http://{}", api.address))
        .env("PASSERELLE_TABLE", "bench")
        .env("PASSERELLE_SECRET_PREFIX", "passerelle/bench")
        .env("PASSERELLE_PUBLIC_URL", "https://bench.example")
        .env("PASSERELLE_ALLOWED_HOSTS", "")
        .env("PASSERELLE_LOG", "info")
        .envs(surroundings.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // Where the root certificates are read from is a large part of the start.
    if let Some(bundle) = std::env::var_os("SSL_CERT_FILE") {
        command.env("SSL_CERT_FILE", bundle);
    }
    command.spawn().with_context(|| format!("{} could not be started.", built.path.display()))
}

/// Waits until the process asks for an event.
pub async fn asked(api: &mut RuntimeApi, process: &mut Child) -> Result<Instant> {
    match observe(api, process).await? {
        Seen::Asked(at) => Ok(at),
        other => bail!("It was expected to ask for an event, and did this: {other:?}."),
    }
}

/// The next thing that the process does, its ending included.
pub async fn observe(api: &mut RuntimeApi, process: &mut Child) -> Result<Seen> {
    tokio::select! {
        biased;
        seen = api.observe() => seen,
        status = process.wait() => {
            let status = status?;
            let mut said = String::new();
            if let Some(mut stderr) = process.stderr.take() {
                stderr.read_to_string(&mut said).await?;
            }
            bail!("It ended ({status}) and said: {}", said.trim())
        }
    }
}

/// Resident memory. Source: proc_pid_status(5), `VmRSS`.
fn resident_kib(process: &Child) -> Result<u64> {
    memory_kib(process, "VmRSS:")
}

/// The most resident memory that the process has had. Source: proc_pid_status(5), `VmHWM`.
pub fn peak_kib(process: &Child) -> Result<u64> {
    memory_kib(process, "VmHWM:")
}

/// Memory as the kernel counts it.
fn memory_kib(process: &Child, what: &str) -> Result<u64> {
    let id = process.id().context("The process has ended.")?;
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).context("The memory of a process can be read on Linux only.")?;
    status
        .lines()
        .find_map(|line| line.strip_prefix(what))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .context("The kernel did not say how much memory the process holds.")
}
