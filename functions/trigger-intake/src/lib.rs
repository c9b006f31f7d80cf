//! `POST /v1/hooks/{source}`: a signed delivery in, 202 out as soon as its events are durable.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use passerelle_core::{app::intake::accept, ports::Ports, shell::gateway};

/// Handles one request.
pub async fn handle(ports: Ports<'_>, request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let source = request.path_parameters.get("source").cloned().unwrap_or_default();
    let body = match gateway::body(&request) {
        Ok(body) => body,
        Err(problem) => return gateway::refuse(&problem),
    };
    match accept(ports, &source, &request.headers, &body).await {
        Ok(accepted) => gateway::json(202, &accepted),
        Err(problem) => {
            tracing::info!(source.id = %source, code = problem.code, status = problem.status, "delivery refused");
            gateway::refuse(&problem)
        }
    }
}
