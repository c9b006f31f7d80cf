//! What an administrator does: applies documents, connects orgs in a browser, activates, connects again.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use bytes::Bytes;
use http::{Request, Response, header};
use passerelle_core::{
    app::{configure, connect, connections, tokens},
    domain::ids::ConnectionId,
};
use passerelle_local::browser::Form;
use serde_json::{Value, json};
use url::Url;

use crate::world::{
    World,
    org::{OrgAt, PUBLIC},
    process::Process,
};

/// The user who approves, and as whom Passerelle works.
pub const INTEGRATION: (&str, &str) = ("integration@kayo.fr", "integration-2026");

/// Applies a tenant's document, connects its org and activates it.
pub async fn set_up(world: &World, process: &Process, org: &OrgAt, document: &Value, client_secret: &str) -> Result<()> {
    let ports = process.ports();
    let id: ConnectionId = org.tenant.parse()?;
    configure::apply(ports, document).await?;
    tokens::set_client_secret(ports, &id, client_secret.to_owned().into()).await?;
    connect(world, process, org).await?;
    connections::activate(ports, &id).await?;
    Ok(())
}

/// Connects a tenant's org, as an administrator does with the link that the command prints.
pub async fn connect_org(world: &World, process: &Process, tenant: usize) -> Result<()> {
    connect(world, process, &world.orgs[tenant]).await
}

async fn connect(world: &World, process: &Process, org: &OrgAt) -> Result<()> {
    let link = Url::parse(&format!("{PUBLIC}{}", connect::issue_link(process.ports(), &org.tenant.parse()?).await?))?;
    let page = call(world, process, org.tenant, ("GET", &link), &[]).await?;
    ensure!(page.status_code == 200, "The link shows no page: {:?}", page.body);
    let button = link.join(&format!("start?{}", link.query().unwrap_or_default()))?;
    let start = call(world, process, org.tenant, ("POST", &button), &[]).await?;
    let cookies: Vec<String> = start.cookies.iter().filter_map(|cookie| cookie.split(';').next()).map(str::to_owned).collect();
    let location = start.headers.get("location").context("the link leads nowhere")?.to_str()?.to_owned();
    let callback = approve(org, Url::parse(&location)?).await?;
    let answer = call(world, process, org.tenant, ("GET", &callback), &cookies).await?;
    ensure!(answer.status_code == 200, "The org could not be connected: {:?}", answer.body);
    Ok(())
}

/// Calls the function behind the pages of connecting.
async fn call(world: &World, process: &Process, tenant: &str, (method, url): (&str, &Url), cookies: &[String]) -> Result<ApiGatewayV2httpResponse> {
    let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let request: ApiGatewayV2httpRequest = serde_json::from_value(json!({
        "version": "2.0", "rawPath": url.path(), "rawQueryString": url.query().unwrap_or_default(), "headers": {"host": "passerelle.example"},
        "cookies": cookies, "queryStringParameters": query, "pathParameters": {"connection": tenant}, "isBase64Encoded": false,
        "requestContext": {"domainName": "passerelle.example", "http": {"method": method, "path": url.path()}},
    }))?;
    let answer = passerelle_oauth_callback::handle(process.ports(), request).await;
    // The cookie and the address that the browser goes on to carry what is secret, as they must.
    world.state().answers.push(format!("{:?}", answer.body));
    Ok(answer)
}

/// Signs in and allows. Answers where the org sends the browser.
async fn approve(org: &OrgAt, mut url: Url) -> Result<Url> {
    let (mut cookies, mut form) = (BTreeMap::new(), None::<String>);
    for _ in 0..8 {
        let answer = ask(org, &url, &cookies, form.take()).await?;
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
            cookies.extend(pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        if let Some(location) = answer.headers().get(header::LOCATION) {
            url = url.join(location.to_str()?)?;
            if url.path().ends_with("/callback") {
                return Ok(url);
            }
            continue;
        }
        let page = String::from_utf8_lossy(answer.body());
        let read = Form::read(&page).with_context(|| format!("The org shows no form at {url}."))?;
        let (action, fields) = read.filled(INTEGRATION.0, INTEGRATION.1);
        url = url.join(&action)?;
        form = Some(url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish());
    }
    bail!("The org keeps asking.")
}

async fn ask(org: &OrgAt, url: &Url, cookies: &BTreeMap<String, String>, form: Option<String>) -> Result<Response<Bytes>> {
    let jar = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let request = Request::builder().method(if form.is_some() { "POST" } else { "GET" }).uri(url.as_str());
    let request = request.header(header::COOKIE, jar).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    Ok(org.sim.call(request.body(Bytes::from(form.unwrap_or_default()))?).await?)
}
