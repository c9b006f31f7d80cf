//! The stack on this machine, until Ctrl-C.

use anyhow::{Context, Result, anyhow};
use passerelle_core::{app::configure, domain::ids::ConnectionId};
use passerelle_local::{SalesforceTarget, Stack, StackError, StackOptions};
use salesforce_sim::Seed;

use crate::{Local, demo, progress::Progress, target};

/// Starts the stack, runs the demonstration on it unless told otherwise, and serves until Ctrl-C.
pub async fn run(options: Local, ports: target::Ports) -> Result<()> {
    let demonstrates = options.salesforce.is_none() && !options.empty;
    let stack = start(&options, ports).await?;
    let addresses = stack.addresses().clone();
    println!("console   {}/", addresses.gateway);
    println!("org       {}", addresses.salesforce.instance.as_deref().unwrap_or(&addresses.salesforce.login));
    println!("mail      {}/", addresses.mail);
    println!("webhook   {}/v1/hooks/{}", addresses.gateway, if demonstrates { demo::SOURCE } else { "{source}" });
    if demonstrates {
        let report = demo::run(&stack, Progress::Shown).await?;
        println!("\n{report}");
        print_curl(&stack).await?;
    } else {
        println!("\nApply a configuration in another terminal: cargo run -- apply infra/presets/kayo.yaml");
    }
    let told = async {
        println!("\nThe stack keeps running. Ctrl-C ends it.");
        std::future::pending::<()>().await;
    };
    // Watched first, and told then: whoever reads it may press it at once.
    tokio::select! {
        biased;
        pressed = tokio::signal::ctrl_c() => pressed.context("Ctrl-C cannot be watched.")?,
        () = told => {}
    }
    println!("\nEnding.");
    stack.shutdown().await;
    Ok(())
}

async fn start(options: &Local, ports: target::Ports) -> Result<Stack> {
    let salesforce = match &options.salesforce {
        Some(url) => SalesforceTarget::Real(url.clone()),
        None => SalesforceTarget::Simulated { port: ports.org },
    };
    let options = StackOptions {
        data: options.data.clone(),
        gateway_port: ports.gateway,
        dynamodb_port: ports.dynamodb,
        secrets_port: ports.secrets,
        mail_port: ports.mail,
        lambda_port: ports.lambda,
        salesforce,
        seed: std::sync::Arc::new(|public| demo::seed(Seed::demo().with_timeline(""), public)),
        ..StackOptions::default()
    };
    Stack::start(options, passerelle_local::functions::wire).await.map_err(|error| match error {
        StackError::Serve(error) => {
            anyhow!(error).context(format!("The local stack takes six ports from {} on; --port chooses others.", ports.gateway))
        }
        other => anyhow!(other),
    })
}

/// A ready line for one more event, signed for the next five minutes.
async fn print_curl(stack: &Stack) -> Result<()> {
    let connection = ConnectionId::parse(demo::CONNECTION)?;
    let keys = configure::webhook_keys(stack.ports(), &connection).await?;
    let Some(key) = keys.first() else { return Ok(()) };
    let body = demo::one_more_event();
    let headers = demo::sign(key, &body)?;
    let headers: String = headers.iter().map(|(name, value)| format!(" -H '{name}: {value}'")).collect();
    println!("\nOne more event (signed for five minutes):");
    println!("curl -i {}/v1/hooks/{} -H 'content-type: application/json'{headers} -d '{body}'", stack.addresses().gateway, demo::SOURCE);
    Ok(())
}
