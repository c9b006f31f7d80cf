//! `POST /v1/hooks/{source}`: a signed delivery in, 202 out as soon as its events are durable.
//! `GET /v1/hooks/{source}/events/{event}`: what became of an event, and its Salesforce records.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use passerelle_core::{
    app::intake::{Readers, accept, tell},
    ports::Ports,
    shell::gateway,
};

/// Handles one request.
pub async fn handle(ports: Ports<'_>, readers: &Readers, request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let source = request.path_parameters.get("source").cloned().unwrap_or_default();
    if let Some(event) = request.path_parameters.get("event") {
        return match tell(ports, &source, event, &request.headers).await {
            Ok(told) => gateway::json(200, &told),
            Err(problem) => gateway::refuse(&problem),
        };
    }
    let body = match gateway::body(&request) {
        Ok(body) => body,
        Err(problem) => return gateway::refuse(&problem),
    };
    match accept(ports, readers, &source, &request.headers, &body).await {
        Ok(accepted) => gateway::json(202, &accepted),
        Err(problem) => {
            tracing::info!(source.id = %source, code = problem.code, status = problem.status, "delivery refused");
            gateway::refuse(&problem)
        }
    }
}
