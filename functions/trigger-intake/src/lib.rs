//! `POST /v1/hooks/{source}`: a signed delivery in, 202 out as soon as its events are durable.
//! `GET /v1/hooks/{source}/events/{event}`: what became of an event, and its Salesforce records.
//! `PUT` and `GET /v1/hooks/{source}/people/{person}`, `GET /v1/hooks/{source}/people`: the directory of people.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use http::Method;
use passerelle_core::{
    app::intake::{Readers, accept, people, tell},
    ports::Ports,
    shell::{gateway, problem::Problem},
};

async fn answer(ports: Ports<'_>, readers: &Readers, source: &str, request: &ApiGatewayV2httpRequest) -> Result<ApiGatewayV2httpResponse, Problem> {
    let (headers, parameters) = (&request.headers, &request.path_parameters);
    let method = &request.request_context.http.method;
    if let Some(event) = parameters.get("event") {
        return Ok(gateway::json(200, &tell(ports, source, event, headers).await?));
    }
    if let Some(person) = parameters.get("person").filter(|_| *method == Method::PUT) {
        return Ok(gateway::json(202, &people::upsert(ports, source, person, headers, &gateway::body(request)?).await?));
    }
    if let Some(person) = parameters.get("person") {
        return Ok(gateway::json(200, &people::read(ports, source, person, headers).await?));
    }
    if *method == Method::GET {
        let given = |name: &str| request.query_string_parameters.first(name).map(str::to_owned);
        let asked = people::Asked { connection: given("connection"), since: given("since"), after: given("after"), limit: given("limit") };
        return Ok(gateway::json(200, &people::list(ports, source, &asked, headers).await?));
    }
    Ok(gateway::json(202, &accept(ports, readers, source, headers, &gateway::body(request)?).await?))
}

/// Handles one request.
pub async fn handle(ports: Ports<'_>, readers: &Readers, request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let source = request.path_parameters.get("source").cloned().unwrap_or_default();
    answer(ports, readers, &source, &request).await.unwrap_or_else(|problem| {
        tracing::info!(source.id = %source, code = problem.code, status = problem.status, "request refused");
        gateway::refuse(&problem)
    })
}
