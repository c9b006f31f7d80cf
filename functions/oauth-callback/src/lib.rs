//! `GET /oauth/{connection}/connect?ticket=…`, `POST /oauth/{connection}/start?ticket=…` and `GET /oauth/{connection}/callback`: the pages of
//! connecting an org. What looks at a link, as scanners of mail do, uses nothing up: that takes a POST.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use passerelle_core::{
    app::connect::{CallbackQuery, Reply, callback, offer, start},
    domain::ids::ConnectionId,
    ports::Ports,
    shell::{gateway, problem::Problem, settings::Settings},
};

/// Handles one request.
pub async fn handle(ports: Ports<'_>, request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let not_found = || gateway::refuse(&Problem::new(404, "not_found", "There is nothing at this address."));
    let Some(connection) = request.path_parameters.get("connection").and_then(|c| ConnectionId::parse(c).ok()) else { return not_found() };
    let query = |name: &str| request.query_string_parameters.first(name).map(str::to_owned);
    let posts = request.request_context.http.method.as_str() == "POST";
    let reply = match request.raw_path.as_deref().and_then(|path| path.rsplit('/').next()) {
        Some("connect") if !posts => offer(ports, &connection, &query("ticket").unwrap_or_default()).await,
        Some("start") if posts => {
            let origin = origin(ports.settings, &request);
            start(ports, &connection, &origin, &query("ticket").unwrap_or_default()).await
        }
        Some("callback") if !posts => {
            let (error, error_description) = (query("error"), query("error_description"));
            let query = CallbackQuery { state: query("state"), code: query("code"), error, error_description };
            callback(ports, &connection, &query, &cookies(&request)).await
        }
        _ => return not_found(),
    };
    respond(reply)
}

fn respond(reply: Reply) -> ApiGatewayV2httpResponse {
    let mut response = gateway::page(i64::from(reply.status), reply.html);
    // An address made by a URL serialiser is always a legal header.
    if let Some(Ok(location)) = reply.location.map(|location| location.parse()) {
        response.headers.insert("location", location);
    }
    response.cookies.extend(reply.cookie);
    response
}

/// Where browsers reach this API: as the operator says, else the host that they named. Everything but a loopback address
/// is https.
fn origin(settings: &Settings, request: &ApiGatewayV2httpRequest) -> String {
    if let Some(url) = &settings.public_url {
        return url.clone();
    }
    let named = request.headers.get("host").and_then(|host| host.to_str().ok());
    let host = request.request_context.domain_name.as_deref().or(named).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let scheme = if matches!(name, "localhost" | "127.0.0.1" | "[::1]") { "http" } else { "https" };
    format!("{scheme}://{host}")
}

/// API Gateway takes the cookies out of the headers; others leave them there.
fn cookies(request: &ApiGatewayV2httpRequest) -> Vec<String> {
    let listed = request.cookies.iter().flatten().cloned();
    let headers = request.headers.get_all("cookie").iter().filter_map(|value| value.to_str().ok());
    listed.chain(headers.flat_map(|value| value.split(';').map(|cookie| cookie.trim().to_owned()))).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn settings(public_url: Option<&str>) -> Settings {
        Settings::read(|name| match name {
            "PASSERELLE_TABLE" | "PASSERELLE_SECRET_PREFIX" => Some("x".to_owned()),
            "PASSERELLE_PUBLIC_URL" => public_url.map(str::to_owned),
            _ => None,
        })
        .unwrap()
    }

    fn request(domain: Option<&str>, host: Option<&str>) -> ApiGatewayV2httpRequest {
        let mut request = ApiGatewayV2httpRequest::default();
        request.request_context.domain_name = domain.map(str::to_owned);
        if let Some(host) = host {
            request.headers.insert("host", host.parse().unwrap());
        }
        request
    }

    #[test]
    fn the_address_that_browsers_use() {
        for (public, domain, host, want) in [
            (Some("https://p.example/"), Some("abc.amazonaws.com"), None, "https://p.example"),
            (None, Some("abc.amazonaws.com"), Some("other"), "https://abc.amazonaws.com"),
            (None, None, Some("p.example:8443"), "https://p.example:8443"),
            (None, None, Some("127.0.0.1:8080"), "http://127.0.0.1:8080"),
            (None, None, Some("[::1]:8080"), "http://[::1]:8080"),
            (None, None, Some("127.0.0.1.evil.org"), "https://127.0.0.1.evil.org"),
        ] {
            assert_eq!(origin(&settings(public), &request(domain, host)), want);
        }
    }

    #[test]
    fn cookies_come_listed_or_in_headers() {
        let mut request = request(None, None);
        request.cookies = Some(vec!["a=1".to_owned()]);
        request.headers.insert("cookie", "b=2; c=3".parse().unwrap());
        assert_eq!(cookies(&request), ["a=1", "b=2", "c=3"]);
    }

    #[test]
    fn replies_keep_their_location_and_cookie() {
        let reply =
            Reply { status: 303, location: Some("https://login.salesforce.com/?a=b%20c".into()), cookie: Some("x=y".into()), html: "h".into() };
        let response = respond(reply);
        assert_eq!((response.status_code, response.cookies.as_slice()), (303, ["x=y".to_owned()].as_slice()));
        assert_eq!(response.headers.get("location").unwrap(), "https://login.salesforce.com/?a=b%20c");
        assert_eq!(response.headers.get("cache-control").unwrap(), "no-store");
        assert!(response.headers.get("content-security-policy").unwrap().to_str().unwrap().starts_with("default-src 'none'"));
    }
}
