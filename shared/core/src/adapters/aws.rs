//! AWS's clients, over the HTTP client that speaks to Salesforce too: one HTTP stack, whose root certificates are read once.
//!
//! A function's region and credentials stand in its environment and hold as long as its process. The SDK's chain of further
//! places to look for them (profiles, instance metadata, STS) is therefore left out of the functions.

use std::time::Duration;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, timeout::TimeoutConfig};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use http::header::ACCEPT_ENCODING;

/// How long one try of a call may take: a connection that went silent must not cost the whole invocation.
const ATTEMPT: Duration = Duration::from_secs(10);

/// Who calls AWS, and where.
#[derive(Debug, Clone)]
pub struct Account {
    /// The region.
    pub region: Option<String>,
    /// The key that requests are signed with.
    pub credentials: Option<Credentials>,
    /// Address of DynamoDB, where it is another than the region's.
    pub dynamodb_url: Option<String>,
    /// Address of Secrets Manager, likewise.
    pub secretsmanager_url: Option<String>,
    /// Address of SES, likewise.
    pub ses_url: Option<String>,
}

impl Account {
    /// Reads the variables that Lambda sets, and those that point SDKs elsewhere, through `read` (usually [`std::env::var`]).
    ///
    /// Source: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>,
    /// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
    pub fn read(read: impl Fn(&str) -> Option<String>) -> Self {
        let read = |name: &str| read(name).filter(|value| !value.is_empty());
        let key = read("AWS_ACCESS_KEY_ID").zip(read("AWS_SECRET_ACCESS_KEY"));
        let url = |service: &str| read(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| read("AWS_ENDPOINT_URL"));
        Self {
            region: read("AWS_REGION"),
            credentials: key.map(|(id, secret)| Credentials::new(id, secret, read("AWS_SESSION_TOKEN"), None, "environment")),
            dynamodb_url: url("DYNAMODB"),
            secretsmanager_url: url("SECRETS_MANAGER"),
            ses_url: url("SESV2"),
        }
    }

    /// The client of SES.
    #[must_use]
    pub fn mail(self, http: &reqwest::Client) -> aws_sdk_sesv2::Client {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).build();
        let mut config = aws_sdk_sesv2::Config::builder().behavior_version(BehaviorVersion::latest()).region(self.region.map(Region::new));
        config.set_endpoint_url(self.ses_url).set_timeout_config(Some(timeouts));
        if let Some(credentials) = self.credentials {
            config = config.credentials_provider(credentials);
        }
        aws_sdk_sesv2::Client::from_conf(config.http_client(OverReqwest(http.clone())).build())
    }

    /// The clients of DynamoDB and Secrets Manager.
    #[must_use]
    pub fn connect(self, http: &reqwest::Client) -> (aws_sdk_dynamodb::Client, aws_sdk_secretsmanager::Client) {
        let (http, region) = (OverReqwest(http.clone()), self.region.map(Region::new));
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).build();
        let mut dynamodb = aws_sdk_dynamodb::Config::builder().behavior_version(BehaviorVersion::latest()).region(region.clone());
        let mut secrets = aws_sdk_secretsmanager::Config::builder().behavior_version(BehaviorVersion::latest()).region(region);
        dynamodb.set_endpoint_url(self.dynamodb_url).set_timeout_config(Some(timeouts.clone()));
        secrets.set_endpoint_url(self.secretsmanager_url).set_timeout_config(Some(timeouts));
        if let Some(credentials) = self.credentials {
            dynamodb = dynamodb.credentials_provider(credentials.clone());
            secrets = secrets.credentials_provider(credentials);
        }
        (
            aws_sdk_dynamodb::Client::from_conf(dynamodb.http_client(http.clone()).build()),
            aws_sdk_secretsmanager::Client::from_conf(secrets.http_client(http).build()),
        )
    }
}

/// The SDK's requests, sent by reqwest. Its connect time-out holds; that of a try is the SDK's own affair.
#[derive(Debug, Clone)]
struct OverReqwest(reqwest::Client);

impl HttpClient for OverReqwest {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for OverReqwest {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move { exchange(&client, &request).await })
    }
}

async fn exchange(client: &reqwest::Client, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let method = reqwest::Method::from_bytes(request.method().as_bytes()).map_err(|error| ConnectorError::user(error.into()))?;
    // The services that are called here take whole bodies only.
    let body = request.body().bytes().ok_or_else(|| ConnectorError::user("the body of a request is a stream".into()))?;
    let mut outgoing = client.request(method, request.uri()).body(body.to_vec()).header(ACCEPT_ENCODING, "identity");
    for (name, value) in request.headers() {
        outgoing = outgoing.header(name, value);
    }
    let answer = outgoing.send().await.map_err(failed)?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = answer.bytes().await.map_err(failed)?;
    let mut response = HttpResponse::new(status.try_into().map_err(|error| ConnectorError::other(Box::new(error), None))?, SdkBody::from(body));
    for (name, value) in &headers {
        if let Ok(value) = value.to_str() {
            response.headers_mut().append(name.as_str().to_owned(), value.to_owned());
        }
    }
    Ok(response)
}

/// What kind of failure it was; the SDK repeats those of the network.
fn failed(error: reqwest::Error) -> ConnectorError {
    let (timeout, user) = (error.is_timeout(), error.is_builder());
    let error = error.without_url().into();
    match (timeout, user) {
        (true, _) => ConnectorError::timeout(error),
        (_, true) => ConnectorError::user(error),
        _ => ConnectorError::io(error),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use aws_sdk_dynamodb::config::ProvideCredentials;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    fn account(variables: &[(&str, &str)]) -> Account {
        Account::read(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[tokio::test]
    async fn the_environment_says_who_calls_and_where() {
        let lambda = [("AWS_REGION", "eu-west-3"), ("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_SESSION_TOKEN", "token")];
        let (account, urls) = (account(&lambda), account(&[("AWS_ENDPOINT_URL", "http://all"), ("AWS_ENDPOINT_URL_DYNAMODB", "http://one")]));
        let credentials = account.credentials.as_ref().unwrap().provide_credentials().await.unwrap();
        assert_eq!((account.region.as_deref(), credentials.session_token()), (Some("eu-west-3"), Some("token")));
        assert_eq!((account.dynamodb_url, account.secretsmanager_url), (None, None));
        assert_eq!((urls.dynamodb_url.as_deref(), urls.secretsmanager_url.as_deref()), (Some("http://one"), Some("http://all")));
        assert!(urls.credentials.is_none());
    }

    /// Answers each connection's request with the next of the answers, and tells what the requests were.
    async fn serve(listener: TcpListener, answers: Vec<&'static str>) -> Vec<String> {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(b"}") {
                let mut chunk = [0; 4096];
                let n = stream.read(&mut chunk).await.unwrap();
                assert!(n > 0, "the client hung up early");
                seen.extend_from_slice(chunk.get(..n).unwrap());
            }
            requests.push(String::from_utf8(seen).unwrap().to_lowercase());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        requests
    }

    #[tokio::test]
    async fn a_call_is_signed_and_repeated_after_a_failure_of_the_network() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let told = "HTTP/1.1 200 OK\r\nx-amzn-requestid: r1\r\ncontent-length: 22\r\nconnection: close\r\n\r\n{\"TableNames\":[\"one\"]}";
        let server = tokio::spawn(serve(listener, vec!["", told]));
        let account =
            account(&[("AWS_REGION", "eu-west-3"), ("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_ENDPOINT_URL", &url)]);
        let (dynamodb, _) = account.connect(&reqwest::Client::builder().no_proxy().build().unwrap());
        let tables = dynamodb.list_tables().send().await.unwrap();
        assert_eq!(tables.table_names(), ["one"]);
        for request in server.await.unwrap() {
            assert!(request.contains("x-amz-target: dynamodb_20120810.listtables\r\n") && request.contains("authorization: aws4-hmac-sha256"));
        }
    }
}
