//! The console. For now one page that says whether this installation works; it tells nothing about anybody's connections,
//! since it asks nobody who they are.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use passerelle_core::{
    ports::Ports,
    shell::{gateway, problem::Problem},
};

/// Handles one request.
pub async fn handle(ports: Ports<'_>, request: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let path = request.raw_path.as_deref().unwrap_or("/");
    if path != "/" && !path.is_empty() {
        return gateway::refuse(&Problem::new(404, "unknown_route", "There is nothing at this address."));
    }
    let reachable = match ports.table.list_connections(None).await {
        Ok(_) => true,
        Err(error) => {
            tracing::error!(error = %error, code = "state_unavailable", "state table not reachable");
            false
        }
    };
    let french = request.headers.get("accept-language").and_then(|value| value.to_str().ok()).is_some_and(|value| value.starts_with("fr"));
    gateway::page(if reachable { 200 } else { 503 }, render(reachable, french))
}

fn render(reachable: bool, french: bool) -> String {
    let (language, title, state) = match (french, reachable) {
        (true, true) => ("fr", "Passerelle fonctionne.", "La table d'état répond."),
        (true, false) => ("fr", "Passerelle ne peut pas travailler.", "La table d'état ne répond pas ; la cause est dans le journal."),
        (false, true) => ("en", "Passerelle is working.", "The state table answers."),
        (false, false) => ("en", "Passerelle cannot work.", "The state table does not answer; the cause is in the log."),
    };
    let colour = if reachable { "#1a7f37" } else { "#b3261e" };
    format!(
        "<!doctype html><html lang=\"{language}\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Passerelle</title><style>body{{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}}\
         h1{{color:{colour};font-size:1.5rem}}</style><h1>{title}</h1><p>{state}</p><p>Passerelle {}</p></html>\n",
        env!("CARGO_PKG_VERSION")
    )
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn the_page_speaks_french_and_english_and_tells_the_state() {
        for (reachable, french, wanted) in [
            (true, true, "Passerelle fonctionne."),
            (false, true, "ne répond pas"),
            (true, false, "Passerelle is working."),
            (false, false, "does not answer"),
        ] {
            assert!(render(reachable, french).contains(wanted));
        }
    }
}
