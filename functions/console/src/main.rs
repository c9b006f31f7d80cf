use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use passerelle_core::shell::runtime::World;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let world = World::start()?;
    let handler = service_fn(|event: LambdaEvent<ApiGatewayV2httpRequest>| {
        // Boxed, because the layout of the nested futures is too deep for the compiler otherwise.
        let call = Box::pin(passerelle_console::handle(world.ports(), event.payload));
        async { Ok::<_, Error>(call.await) }
    });
    lambda_runtime::run(handler).await
}
