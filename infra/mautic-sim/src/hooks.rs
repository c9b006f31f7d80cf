//! Webhooks: one request for each thing that happened, signed over the bytes of its body.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{Mautic, show::iso, store::Hook};

impl Mautic {
    /// Tells the webhooks of a trigger what happened, one after the other. Mautic tries once, and so does this.
    pub async fn tell(&self, trigger: &str, mut item: Value) {
        let name = format!("mautic.{trigger}");
        if let Some(item) = item.as_object_mut() {
            item.insert("timestamp".to_owned(), json!(iso(self.now())));
        }
        let hooks: Vec<Hook> = self.with(|store| store.hooks.iter().filter(|hook| hook.triggers.contains(&name)).cloned().collect());
        for hook in hooks {
            // PHP writes slashes with a backslash before them, so whoever checks the signature must take the bytes as they come.
            let body = json!({ &name: [&item] }).to_string().replace('/', "\\/");
            let mut request = self.http.post(&hook.url).header("content-type", "application/json");
            if let Ok(mac) = Hmac::<Sha256>::new_from_slice(hook.secret.as_bytes()) {
                request = request.header("Webhook-Signature", STANDARD.encode(mac.chain_update(&body).finalize().into_bytes()));
            }
            let _ = request.body(body).send().await;
        }
    }

    /// Tells that a contact was saved.
    pub async fn tell_saved(&self, id: u64, new: bool) {
        let contact = self.with(|store| store.contacts.get(&id).map(|contact| store.show(contact)));
        let trigger = if new { "lead_post_save_new" } else { "lead_post_save_update" };
        if let Some(contact) = contact {
            self.tell(trigger, json!({"contact": contact})).await;
        }
    }
}
