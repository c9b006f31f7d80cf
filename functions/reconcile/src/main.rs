use lambda_runtime::{Error, LambdaEvent, service_fn};
use passerelle_core::{app::upsert::Workbench, shell::runtime::World};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (world, bench) = (World::start()?, Workbench::default());
    let handler = service_fn(|event: LambdaEvent<Value>| {
        let deadline = i64::try_from(event.context.deadline).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        let deadline = deadline.unwrap_or(jiff::Timestamp::MAX);
        // Boxed, because the layout of the nested futures is too deep for the compiler otherwise.
        let call = Box::pin(passerelle_reconcile::handle(world.ports(), &bench, event.payload, deadline));
        async { Ok::<_, Error>(call.await?) }
    });
    lambda_runtime::run(handler).await
}
