//! Which installation a command speaks to: the local stack, or a deployed one.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use clap::Args;
use passerelle_core::{
    adapters::http,
    shell::{runtime::World, settings::Settings},
};

use crate::function::Function;

/// The first port of the local stack, unless another is chosen.
const PORT: u16 = 8787;
/// How many ports the local stack takes, one after the other.
const PORTS: u16 = 6;
/// The local stack's table and secrets, as the crate `passerelle-local` names them.
const LOCAL_TABLE: &str = passerelle_local::TABLE;
const LOCAL_PREFIX: &str = passerelle_local::SECRET_PREFIX;

/// The variables of the functions, and the outputs of `template.yaml` that have the same values.
const OUTPUTS: [(&str, &str); 5] = [
    ("PASSERELLE_TABLE", "TableName"),
    ("PASSERELLE_SECRET_PREFIX", "SecretPrefix"),
    ("PASSERELLE_PUBLIC_URL", "PublicUrl"),
    ("PASSERELLE_SECRETS_KEY", "KeyArn"),
    ("PASSERELLE_ALLOWED_HOSTS", "AllowedHosts"),
];

/// The output that names the function which asks orgs.
const FUNCTION: &str = "OperatorFunction";

/// Which installation.
#[derive(Args, Clone)]
pub struct Target {
    /// A deployed stack, by its CloudFormation name; credentials and region are the AWS CLI's. Without it: the local stack.
    #[arg(long, global = true, value_name = "NAME")]
    stack: Option<String>,
    /// The first of the six ports of the local stack: HTTP API, table, secrets, simulated org, mail, functions.
    #[arg(long, global = true, value_name = "PORT", default_value_t = PORT, value_parser = clap::value_parser!(u16).range(1..=i64::from(u16::MAX - PORTS + 1)))]
    port: u16,
}

/// The ports of the local stack, so that commands in another terminal find it.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// The HTTP API.
    pub gateway: u16,
    /// The embedded DynamoDB.
    pub dynamodb: u16,
    /// The embedded Secrets Manager.
    pub secrets: u16,
    /// The simulated org.
    pub org: u16,
    /// The embedded SES.
    pub mail: u16,
    /// The embedded Lambda.
    pub lambda: u16,
}

impl Target {
    /// The local stack's ports.
    pub fn ports(&self) -> Ports {
        let nth = |n: u16| self.port.saturating_add(n);
        Ports { gateway: nth(0), dynamodb: nth(1), secrets: nth(2), org: nth(3), mail: nth(4), lambda: nth(5) }
    }

    /// The world of that installation, in which no org is called. A deployed stack's outputs name its table, secrets and address; the variables of the
    /// functions (`PASSERELLE_TABLE` and the others) win over them.
    pub async fn world(&self) -> Result<World> {
        match &self.stack {
            None => local(self.ports()),
            Some(stack) => Deployed::find(stack).await?.world(),
        }
    }

    /// The same, with the function that asks its orgs.
    pub async fn reach(&self) -> Result<(World, Function)> {
        match &self.stack {
            None => Ok((local(self.ports())?, Function::local(self.ports().lambda, self.hint()))),
            Some(stack) => {
                let deployed = Deployed::find(stack).await?;
                let name = deployed.outputs.get(FUNCTION).cloned().with_context(|| {
                    format!(
                        "The stack {stack} has no output {FUNCTION}: an older version was deployed. Deploy it again, then type the command again."
                    )
                })?;
                Ok((deployed.world()?, Function::deployed(&deployed.aws, name, self.hint())))
            }
        }
    }

    /// What to tell somebody whose command found nothing.
    pub fn hint(&self) -> &'static str {
        match self.stack {
            Some(_) => "Check the stack's name, the region and the credentials.",
            None => {
                "Is the local stack running? Start it with `cargo run` in another terminal (with the same --port), or name a deployed one with --stack."
            }
        }
    }
}

/// A deployed stack.
struct Deployed {
    aws: aws_config::SdkConfig,
    outputs: BTreeMap<String, String>,
}

impl Deployed {
    async fn find(stack: &str) -> Result<Self> {
        let aws = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        let outputs = outputs(&aws_sdk_cloudformation::Client::new(&aws), stack).await?;
        Ok(Self { aws, outputs })
    }

    fn world(&self) -> Result<World> {
        let Self { aws, outputs } = self;
        let settings = Settings::read(|name| {
            let set = std::env::var(name).ok().filter(|value| !value.is_empty());
            set.or_else(|| OUTPUTS.iter().find(|(variable, _)| *variable == name).and_then(|(_, output)| outputs.get(*output).cloned()))
        })?;
        let (dynamodb, secrets) = (aws_sdk_dynamodb::Client::new(aws), aws_sdk_secretsmanager::Client::new(aws));
        let http = http::client(&settings.allowed_hosts)?;
        Ok(World::new(settings, http, dynamodb, secrets).calling_no_org())
    }
}

/// The outputs of a stack, by name.
async fn outputs(client: &aws_sdk_cloudformation::Client, stack: &str) -> Result<BTreeMap<String, String>> {
    let answer = client.describe_stacks().stack_name(stack).send().await;
    let answer = answer.with_context(|| format!("The stack {stack} cannot be read. Check its name, the region and the credentials."))?;
    let outputs = answer.stacks.unwrap_or_default().into_iter().flat_map(|stack| stack.outputs.unwrap_or_default());
    Ok(outputs.filter_map(|output| output.output_key.zip(output.output_value)).collect())
}

fn local(ports: Ports) -> Result<World> {
    let address = |port: u16| format!("http://127.0.0.1:{port}");
    let http = http::client(&[])?;
    let (dynamodb, secrets) = passerelle_local::clients::connect(&http, &address(ports.dynamodb), &address(ports.secrets));
    let settings = Settings {
        table: LOCAL_TABLE.to_owned(),
        secret_prefix: LOCAL_PREFIX.to_owned(),
        public_url: Some(format!("http://localhost:{}", ports.gateway)),
        allowed_hosts: ["localhost", "127.0.0.1"].map(|host| format!("{host}:{}", ports.org)).to_vec(),
        platform_hosts: passerelle_local::PLATFORM_HOSTS.map(str::to_owned).to_vec(),
        alert_sender: None,
        secrets_key: None,
    };
    Ok(World::new(settings, http, dynamodb, secrets).calling_no_org())
}
