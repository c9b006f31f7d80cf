//! Error texts in the user's language. Codes and fields are the same in all.

use salesforce_sim::Doubts;
use salesforce_sim::seed::Permissions;
use serde_json::{Value, json};

use crate::common::*;

const INTEGRATION: &str = "integration@org.example";

async fn make(client: &Client<'_>, sobject: &str, fields: Value) -> String {
    let answer = client.post(&format!("/sobjects/{sobject}"), fields).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn messages_are_in_the_users_language_and_codes_are_not() {
    let mut org = seed();
    let languages = [
        ("fr", "Champs obligatoires manquants : [Company]"),
        ("de", "Erforderliche Felder fehlen: [Company]"),
        ("es", "Faltan campos obligatorios: [Company]"),
        ("es_MX", "Faltan campos obligatorios: [Company]"),
        ("it", "Required fields are missing: [Company]"),
        ("en_US", "Required fields are missing: [Company]"),
    ];
    for (language, want) in languages {
        org.users[1].language = language.to_owned();
        let world = world_with(org.clone(), Doubts::default());
        let answer = world.client_of(INTEGRATION).post("/sobjects/Lead", json!({"LastName": "A"})).await.json();
        assert_eq!((&answer[0]["errorCode"], &answer[0]["message"]), (&json!("REQUIRED_FIELD_MISSING"), &json!(want)));
        let items = world
            .client_of(INTEGRATION)
            .post("/composite/sobjects", json!({"records": [{"attributes": {"type": "Lead"}, "LastName": "A"}]}))
            .await
            .json();
        assert_eq!(items[0]["errors"][0]["message"], want);
    }
}

/// The code, what is asked, and the text in French and in German.
#[tokio::test]
async fn the_common_refusals_have_french_and_german_texts() {
    for (place, language) in ["fr", "de"].into_iter().enumerate() {
        let mut org = seed();
        org.users[1].language = language.to_owned();
        org.users[1].permissions = Permissions { modify_all_data: false, ..Permissions::default() };
        let world = world_with(org, Doubts::default());
        let (client, admin) = (world.client_of(INTEGRATION), world.client());
        let base = json!({"LastName": "A", "Company": "B"});
        let with = |extra: Value| {
            let mut fields = base.clone();
            fields.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            fields
        };
        let taken = make(&client, "Lead", with(json!({"Ext__c": "k"}))).await;
        let gone = client.lead("Gone").await;
        client.delete(&format!("/sobjects/Lead/{gone}")).await;
        let others = admin.lead("Others").await;
        let converted = client.lead("Converted").await;
        world.control("POST", &format!("records/{converted}/convert"), json!({"by": INTEGRATION})).await;
        let campaign = make(&client, "Campaign", json!({"Name": "C"})).await;
        let member = json!({"CampaignId": campaign, "LeadId": taken});
        make(&client, "CampaignMember", member.clone()).await;
        let short = &taken[..15];
        let cases = [
            (
                "POST",
                "Lead".to_owned(),
                with(json!({"Title": "x".repeat(129)})),
                "STRING_TOO_LONG",
                [
                    format!("Title : valeur de données trop grande : {} (longueur maximale=128)", "x".repeat(129)),
                    format!("Title: Datenwert zu groß: {} (maximale Länge=128)", "x".repeat(129)),
                ],
            ),
            (
                "POST",
                "Lead".to_owned(),
                with(json!({"Email": "x"})),
                "INVALID_EMAIL_ADDRESS",
                ["Email : adresse e-mail non valide : x".to_owned(), "Email: ungültige E-Mail-Adresse: x".to_owned()],
            ),
            (
                "POST",
                "Lead".to_owned(),
                with(json!({"CleanStatus": "x"})),
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                [
                    "Clean Status : valeur incorrecte pour le champ de liste de sélection restreinte : x".to_owned(),
                    "Clean Status: ungültiger Wert für eingeschränktes Auswahllistenfeld: x".to_owned(),
                ],
            ),
            (
                "POST",
                "Lead".to_owned(),
                with(json!({"NumberOfEmployees": 123_456_789})),
                "NUMBER_OUTSIDE_VALID_RANGE",
                [
                    "Employees : valeur en dehors de la plage valide du champ numérique : 123456789".to_owned(),
                    "Employees: Wert außerhalb des gültigen Bereichs im numerischen Feld: 123456789".to_owned(),
                ],
            ),
            (
                "POST",
                "Lead".to_owned(),
                with(json!({"Ext__c": "k"})),
                "DUPLICATE_VALUE",
                [
                    format!("valeur en double trouvée : Ext__c duplique la valeur de l'enregistrement avec l'ID : {short}"),
                    format!("doppelter Wert gefunden: Ext__c dupliziert den Wert im Datensatz mit der ID: {short}"),
                ],
            ),
            (
                "POST",
                "CampaignMember".to_owned(),
                member,
                "DUPLICATE_VALUE",
                ["Déjà membre de la campagne.".to_owned(), "Bereits Mitglied der Kampagne.".to_owned()],
            ),
            (
                "PATCH",
                format!("Lead/{gone}"),
                json!({"Title": "x"}),
                "ENTITY_IS_DELETED",
                ["l'entité est supprimée".to_owned(), "die Entität ist gelöscht".to_owned()],
            ),
            (
                "DELETE",
                format!("Lead/{gone}"),
                Value::Null,
                "ENTITY_IS_DELETED",
                ["l'entité est supprimée".to_owned(), "die Entität ist gelöscht".to_owned()],
            ),
            (
                "PATCH",
                format!("Lead/{converted}"),
                json!({"Title": "x"}),
                "CANNOT_UPDATE_CONVERTED_LEAD",
                ["impossible de référencer une piste convertie".to_owned(), "auf konvertierten Lead kann nicht verwiesen werden".to_owned()],
            ),
            (
                "PATCH",
                format!("Lead/{others}"),
                json!({"Title": "x"}),
                "INSUFFICIENT_ACCESS_OR_READONLY",
                ["droits d'accès insuffisants sur l'ID d'objet".to_owned(), "unzureichende Zugriffsrechte auf die Objekt-ID".to_owned()],
            ),
            (
                "POST",
                "Contact".to_owned(),
                json!({"LastName": "A", "AccountId": "001000000000000AAA"}),
                "INVALID_CROSS_REFERENCE_KEY",
                ["ID de référence croisée non valide".to_owned(), "ungültige Querverweis-ID".to_owned()],
            ),
            (
                "PATCH",
                "Lead/Ext__c/new".to_owned(),
                json!({"LastName": "A"}),
                "REQUIRED_FIELD_MISSING",
                ["Champs obligatoires manquants : [Company]".to_owned(), "Erforderliche Felder fehlen: [Company]".to_owned()],
            ),
        ];
        for (method, path, body, code, texts) in cases {
            let answer = client.send(method, &format!("/sobjects/{path}"), body).await.json();
            assert_eq!(
                (&answer[0]["errorCode"], answer[0]["message"].as_str()),
                (&json!(code), Some(texts[place].as_str())),
                "{language} {method} {path}"
            );
        }
    }
}
