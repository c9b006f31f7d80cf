//! What the simulated Mautic does, pitfall by pitfall.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::Timestamp;
use mautic_sim::{CLIENT_ID, CLIENT_SECRET, Fault, Field, Mautic, PASSWORD, USER};
use serde_json::{Value, json};

struct Scene {
    mautic: Mautic,
    url: String,
    second: Arc<AtomicI64>,
    http: reqwest::Client,
}

impl Scene {
    async fn new() -> Self {
        let second = Arc::new(AtomicI64::new(1_788_249_600));
        let clock = Arc::clone(&second);
        let mautic = Mautic::new(Arc::new(move || Timestamp::from_second(clock.load(Ordering::SeqCst)).unwrap()));
        mautic.with(|store| {
            store.fields.push(Field::new("vip", "boolean"));
            store.fields.push(Field::new("score", "number"));
            store.fields.push(Field { default: Some(json!("fr")), ..Field::new("language", "text") });
        });
        let url = format!("http://{}", mautic.serve(0).await.unwrap());
        Self { mautic, url, second, http: reqwest::Client::new() }
    }

    fn tick(&self) {
        self.second.fetch_add(60, Ordering::SeqCst);
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let request = self.http.request(method.parse().unwrap(), format!("{}/api/{path}", self.url)).basic_auth(USER, Some(PASSWORD));
        let answer = if body.is_null() { request } else { request.json(&body) }.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    fn value(&self, id: u64, alias: &str) -> Value {
        self.mautic.with(|store| store.contacts[&id].value(alias).clone())
    }

    async fn new_contact(&self, body: Value) -> u64 {
        let (status, answer) = self.call("POST", "contacts/new", body).await;
        assert_eq!(status, 201, "{answer}");
        answer["contact"]["id"].as_u64().unwrap()
    }
}

#[tokio::test]
async fn who_may_speak_to_it() {
    let scene = Scene::new().await;
    let token = |secret: &'static str| {
        let form = [("grant_type", "client_credentials"), ("client_id", CLIENT_ID), ("client_secret", secret)];
        scene.http.post(format!("{}/oauth/v2/token", scene.url)).form(&form).send()
    };
    let refused = token("other").await.unwrap();
    assert_eq!(refused.status(), 400);
    assert_eq!(refused.json::<Value>().await.unwrap()["errors"][0]["type"], "invalid_client");
    let token = token(CLIENT_SECRET).await.unwrap().json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned();
    let get = || scene.http.get(format!("{}/api/contacts", scene.url));
    assert_eq!(get().bearer_auth(&token).send().await.unwrap().status(), 200);
    assert_eq!(get().basic_auth(USER, Some("wrong")).send().await.unwrap().status(), 401);
    assert_eq!(get().send().await.unwrap().status(), 401);
    scene.mautic.with(|store| store.expire_tokens());
    let expired = get().bearer_auth(&token).send().await.unwrap();
    assert_eq!(expired.status(), 401);
    assert_eq!(expired.json::<Value>().await.unwrap()["errors"][0]["type"], "invalid_grant");
    scene.mautic.with(|store| store.basic_enabled = false);
    assert_eq!(scene.call("GET", "contacts", Value::Null).await.0, 401);
    scene.mautic.with(|store| store.api_enabled = false);
    let (status, answer) = scene.call("GET", "contacts", Value::Null).await;
    assert_eq!((status, &answer["errors"][0]["type"]), (403, &json!("api_disabled")));
}

#[tokio::test]
async fn a_new_contact_has_no_date_of_modification_and_lists_are_objects_with_a_text_for_the_total() {
    let scene = Scene::new().await;
    let empty = scene.call("GET", "contacts", Value::Null).await.1;
    assert_eq!(empty, json!({"total": "0", "contacts": {}}));
    let (first, second) = (scene.new_contact(json!({"email": "a@x.fr"})).await, scene.new_contact(json!({"email": "b@x.fr"})).await);
    let (_, list) = scene.call("GET", "contacts?limit=1&orderBy=id", Value::Null).await;
    assert_eq!((&list["total"], list["contacts"].as_object().unwrap().len()), (&json!("2"), 1));
    assert_eq!(list["contacts"][first.to_string()]["dateModified"], Value::Null);
    let where_modified = "contacts?where[0][col]=date_modified&where[0][expr]=gte&where[0][val]=2026-01-01 00:00:00&orderBy=date_modified";
    assert_eq!(scene.call("GET", where_modified, Value::Null).await.1["total"], "0");
    scene.tick();
    scene.call("PATCH", &format!("contacts/{second}/edit"), json!({"firstname": "B"})).await;
    let (_, list) = scene.call("GET", where_modified, Value::Null).await;
    assert_eq!(list["contacts"].as_object().unwrap().keys().collect::<Vec<_>>(), [&second.to_string()]);
    assert_eq!(list["contacts"][second.to_string()]["dateModified"], "2026-09-01T08:01:00+00:00");
    let (_, one) = scene.call("GET", &format!("contacts?where[0][col]=id&where[0][expr]=gt&where[0][val]={first}"), Value::Null).await;
    assert_eq!(one["total"], "1");
    assert_eq!(scene.call("GET", "contacts?where[0][col]=id&where[0][expr]=orX", Value::Null).await.0, 500);
}

#[tokio::test]
async fn patch_drops_blanks_and_zeros_and_put_takes_them_and_blanks_the_rest() {
    let scene = Scene::new().await;
    let id = scene.new_contact(json!({"email": "a@x.fr", "firstname": "A", "vip": true, "score": 7})).await;
    assert_eq!((scene.value(id, "vip"), scene.value(id, "language")), (json!(1), json!("fr")), "POST gives defaults");
    let edit = format!("contacts/{id}/edit");
    scene.call("PATCH", &edit, json!({"firstname": "", "vip": false, "score": 0})).await;
    assert_eq!((scene.value(id, "firstname"), scene.value(id, "vip"), scene.value(id, "score")), (json!("A"), json!(1), json!(7)));
    scene.call("PATCH", &edit, json!({"score": 0.5, "firstname": "", "vip": "0", "overwriteWithBlank": true})).await;
    assert_eq!((scene.value(id, "firstname"), scene.value(id, "vip"), scene.value(id, "score")), (Value::Null, json!(1), json!(7)));
    scene.call("PATCH", &edit, json!({"language": "", "overwriteWithBlank": true, "city": "Lyon"})).await;
    assert_eq!((scene.value(id, "language"), scene.value(id, "city")), (Value::Null, json!("Lyon")));
    scene.call("PUT", &edit, json!({"email": "a@x.fr", "vip": 0, "score": 0})).await;
    assert_eq!((scene.value(id, "vip"), scene.value(id, "score"), scene.value(id, "city")), (json!(0), json!(0), Value::Null));
    assert_eq!(scene.value(id, "language"), json!("fr"), "PUT gives the default to what it does not name");
    scene.call("PATCH", &edit, json!({"language": "", "overwriteWithBlank": true})).await;
    scene.call("PUT", &edit, json!({"email": "a@x.fr", "language": ""})).await;
    assert_eq!(scene.value(id, "language"), Value::Null, "a blank text is named");
}

#[tokio::test]
async fn the_address_of_another_contact_makes_one_of_two() {
    let scene = Scene::new().await;
    let (a, b) = (scene.new_contact(json!({"email": "a@x.fr"})).await, scene.new_contact(json!({"email": "b@x.fr", "city": "Lyon"})).await);
    scene.call("PATCH", &format!("contacts/{a}/edit"), json!({"email": "B@x.fr"})).await;
    assert_eq!(scene.mautic.with(|store| store.contacts.keys().copied().collect::<Vec<_>>()), [a]);
    assert_eq!(scene.value(a, "city"), json!("Lyon"));
    assert_eq!(scene.call("PATCH", &format!("contacts/{b}/edit"), json!({"city": "Nice"})).await.0, 404);
    let (status, answer) = scene.call("POST", "contacts/new", json!({"email": "b@x.fr", "city": "Nice"})).await;
    assert_eq!((status, &answer["contact"]["id"]), (200, &json!(a)), "new changes who has the address");
}

#[tokio::test]
async fn a_batch_tells_of_each_item_and_has_a_limit() {
    let scene = Scene::new().await;
    let a = scene.new_contact(json!({"email": "a@x.fr"})).await;
    let (status, answer) = scene.call("PATCH", "contacts/batch/edit", json!([{"id": a, "city": "Lyon"}, {"id": 999, "city": "Lyon"}])).await;
    assert_eq!((status, &answer["statusCodes"]), (200, &json!([200, 404])));
    assert_eq!(answer["errors"]["1"]["code"], 404);
    let (status, answer) = scene.call("POST", "contacts/batch/new", json!([{"email": "a@x.fr"}, {"email": "n@x.fr"}])).await;
    assert_eq!((status, &answer["statusCodes"]), (201, &json!([200, 201])));
    assert_eq!(answer["contacts"][0]["id"], json!(a));
    assert_eq!(scene.call("POST", "contacts/batch/new", json!(vec![json!({}); 201])).await.0, 500);
}

#[tokio::test]
async fn do_not_contact_companies_fields_and_owners() {
    let scene = Scene::new().await;
    let id = scene.new_contact(json!({"email": "a@x.fr", "owner": 1})).await;
    let dnc = |how: &str| format!("contacts/{id}/dnc/email/{how}");
    assert_eq!(scene.call("POST", &dnc("add"), json!({"reason": 0})).await.0, 400);
    let (_, answer) = scene.call("POST", &dnc("add"), json!({"reason": 1})).await;
    let contact = &answer["contact"];
    assert_eq!((&contact["doNotContact"][0]["channel"], &contact["owner"]["username"]), (&json!("email"), &json!(USER)));
    let (_, answer) = scene.call("POST", &dnc("remove"), json!({})).await;
    assert_eq!((&answer["recordFound"], &answer["contact"]["doNotContact"]), (&json!(true), &json!([])));
    assert_eq!(scene.call("POST", "contacts/99/dnc/email/add", json!({})).await.0, 404);

    let company = scene.call("POST", "companies/new", json!({"companyname": "ACME"})).await.1["company"]["id"].clone();
    let (status, again) = scene.call("POST", "companies/new", json!({"companyname": "ACME"})).await;
    assert_eq!((status, &again["company"]["id"]), (200, &company), "an equal name is the same company");
    let (_, added) = scene.call("POST", &format!("companies/{company}/contact/{id}/add"), json!({})).await;
    assert_eq!(added, json!({"success": 1}));
    assert_eq!(scene.call("GET", &format!("contacts/{id}/companies"), Value::Null).await.1["total"], 1);
    assert_eq!(scene.call("GET", "companies", Value::Null).await.1["total"], "1");

    let (_, fields) = scene.call("GET", "fields/contact", Value::Null).await;
    assert!(fields["fields"].as_array().unwrap().iter().any(|field| field["alias"] == "vip" && field["type"] == "boolean"));
    assert_eq!(scene.call("GET", "users", Value::Null).await.1["users"][0]["username"], USER);
}

#[tokio::test]
async fn companies_take_zeros_and_blanks_by_patch_and_a_batch_makes_a_second_one_of_a_name() {
    let scene = Scene::new().await;
    scene.mautic.with(|store| {
        store.company_fields.push(Field::new("staff", "number"));
        store.company_fields.push(Field { default: Some(json!("fr")), ..Field::new("language", "text") });
    });
    let new = json!([{"companyname": "ACME", "staff": 7, "companycity": "Lyon"}, {"companyname": "ACME"}]);
    let (status, answer) = scene.call("POST", "companies/batch/new", new).await;
    assert_eq!((status, &answer["statusCodes"]), (201, &json!([201, 201])));
    let [first, second] = [0, 1].map(|n| answer["companies"][n]["id"].as_u64().unwrap());
    let value = |id: u64, alias: &str| scene.mautic.with(|store| store.companies[&id].value(alias).clone());
    let contact = scene.new_contact(json!({"email": "a@x.fr"})).await;
    scene.call("POST", &format!("companies/{first}/contact/{contact}/add"), json!({})).await;
    assert_eq!(scene.value(contact, "company"), json!("ACME"));

    scene.tick();
    let edits = json!([{"id": first, "companyname": "ACME SA", "staff": 0, "companycity": ""}, {"id": 999, "companycity": "Nice"}]);
    let (status, answer) = scene.call("PATCH", "companies/batch/edit", edits).await;
    assert_eq!((status, &answer["statusCodes"]), (200, &json!([200, 404])));
    assert_eq!((value(first, "staff"), value(first, "companycity"), value(second, "companyname")), (json!(0), Value::Null, json!("ACME")));
    assert_eq!(scene.value(contact, "company"), json!("ACME SA"), "the contact shows its new name");
    assert_eq!(scene.mautic.with(|store| store.contacts[&contact].date_modified), None);

    scene.mautic.with(|store| store.companies.get_mut(&first).unwrap().values.remove("language"));
    scene.call("PATCH", &format!("companies/{first}/edit"), json!({"staff": 8})).await;
    assert_eq!(value(first, "language"), json!("fr"), "what is blank and not named gets its default");
    let since = "companies?where[0][col]=date_modified&where[0][expr]=gte&where[0][val]=2026-01-01 00:00:00&where[1][col]=id&where[1][expr]=gt&where[1][val]=0";
    let (_, list) = scene.call("GET", since, Value::Null).await;
    assert_eq!(list["companies"].as_object().unwrap().keys().collect::<Vec<_>>(), [&first.to_string()]);
    assert_eq!(scene.call("DELETE", &format!("companies/{first}/delete"), Value::Null).await.0, 200);
    assert_eq!(scene.call("GET", &format!("companies/{first}"), Value::Null).await.0, 404);
}

#[tokio::test]
async fn it_fails_when_it_is_told_to() {
    let scene = Scene::new().await;
    let id = scene.new_contact(json!({"email": "a@x.fr"})).await;
    let edit = format!("contacts/{id}/edit");
    scene.mautic.with(|store| store.faults.push(Fault::new("/edit", 503, 1)));
    assert_eq!(scene.call("PATCH", &edit, json!({"city": "Lyon"})).await.0, 503);
    assert_eq!(scene.value(id, "city"), Value::Null);
    scene.mautic.with(|store| store.faults.push(Fault::new("/edit", 503, 1).after()));
    assert_eq!(scene.call("PATCH", &edit, json!({"city": "Lyon"})).await.0, 503);
    assert_eq!(scene.value(id, "city"), json!("Lyon"), "done all the same");
    scene.mautic.with(|store| store.requests_left = Some(1));
    assert_eq!(scene.call("GET", &edit.replace("/edit", ""), Value::Null).await.0, 200);
    assert_eq!(scene.call("GET", &edit.replace("/edit", ""), Value::Null).await.0, 429);
}
