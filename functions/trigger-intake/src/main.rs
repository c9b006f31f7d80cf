use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use passerelle_core::{app::intake::Readers, shell::runtime::World};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (world, readers) = (World::start()?, Readers::default());
    let handler = service_fn(|event: LambdaEvent<ApiGatewayV2httpRequest>| {
        // Boxed, because the layout of the nested futures is too deep for the compiler otherwise.
        let call = Box::pin(passerelle_trigger_intake::handle(world.ports(), &readers, event.payload));
        async { Ok::<_, Error>(call.await) }
    });
    lambda_runtime::run(handler).await
}
