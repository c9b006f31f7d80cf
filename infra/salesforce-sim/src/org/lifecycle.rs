//! What people do with records in the pages and the REST API cannot: merging, converting a lead,
//! taking a record back from the recycle bin.
//!
//! Source: Apex Developer Guide, "Merging Records" and "Converting Leads"; Object Reference, Lead.

use serde_json::{Value, json};

use super::cell::{Cell, OwnedCell};
use super::row::Row;
use super::{Fields, Org, Session, Slot};
use crate::error::ApiError;
use crate::id::Id;
use crate::schema::{FieldNo, ObjectNo};

/// How long the recycle bin keeps a record. Source: Salesforce help, "Manage the Recycle Bin".
pub(crate) const RECYCLE_BIN_MILLIS: i64 = 15 * 24 * 60 * 60 * 1_000;

/// How a lead is converted.
#[derive(Clone, Debug, Default)]
pub struct Conversion {
    /// An account that is there already; one is made of the lead's company when absent.
    pub account: Option<Id>,
    /// A contact that is there already; one is made of the lead's name when absent.
    pub contact: Option<Id>,
    /// The name of an opportunity to make; none is made when absent.
    pub opportunity: Option<String>,
}

/// What a lead has become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Converted {
    /// The account.
    pub account: Id,
    /// The contact.
    pub contact: Id,
    /// The opportunity, if one was made.
    pub opportunity: Option<Id>,
}

impl Org {
    /// Merges up to two records into a third of the same object: what refers to them refers to it
    /// from now on, and they lie in the recycle bin with `MasterRecordId` naming it.
    ///
    /// # Errors
    /// When a record is absent or deleted, or the object's records cannot be merged.
    pub fn merge(&mut self, s: &Session, sobject: &str, master: Id, losers: &[Id]) -> Result<(), ApiError> {
        let (object, def) = self.schema.object_named(sobject).ok_or_else(ApiError::not_found)?;
        if !def.is("mergeable") || losers.is_empty() || losers.len() > 2 || losers.contains(&master) {
            let text = format!("{} records merge by one or two into another", def.name);
            return Err(ApiError::new(400, "INVALID_OPERATION", text));
        }
        let (master_slot, _) = self.live(object, master.as_str())?;
        let places: Vec<(Id, Slot)> = losers.iter().map(|id| Ok((*id, self.live(object, id.as_str())?.0))).collect::<Result<_, ApiError>>()?;
        for (loser, slot) in places {
            self.hand_over(s, object, loser, master);
            if let Some(field) = self.field_no(object, "MasterRecordId") {
                self.alter(object, slot, &[(field, Cell::Id(master))]);
            }
            // What hung on the loser hangs on the master now, so nothing else is deleted with it.
            self.bin(s, object, slot, u8::MAX);
        }
        self.touch(s, object, master_slot, &[]);
        Ok(())
    }

    /// Lets everything that refers to one record refer to another. Where the other is a member of
    /// the campaign already, the membership of the first is dropped.
    fn hand_over(&mut self, s: &Session, object: ObjectNo, from: Id, to: Id) {
        let Some(def) = self.object(object) else {
            return;
        };
        let links: Vec<(ObjectNo, FieldNo, String)> = self
            .schema
            .children(def)
            .into_iter()
            .filter(|(.., field)| &*field.name != "MasterRecordId")
            .map(|(child, _, no, field)| (child, no, field.name.to_string()))
            .collect();
        let member = self.places.campaign_member;
        for (child, no, name) in links {
            let slots: Vec<Slot> = self.referring(child, &name, from).map(|(slot, _)| slot).collect();
            for slot in slots {
                if child == member && self.is_member_twice(slot, &name, to) {
                    self.bin(s, child, slot, 0);
                } else {
                    self.touch(s, child, slot, &[(no, Cell::Id(to))]);
                }
            }
        }
    }

    fn is_member_twice(&self, slot: Slot, field: &str, to: Id) -> bool {
        let member = self.places.campaign_member;
        let campaign = |row: &Row| self.named(member, row, "CampaignId").into_owned();
        let own = self.table(member).and_then(|table| table.get(slot)).map(campaign);
        self.referring(member, field, to).any(|(_, row)| Some(campaign(row)) == own)
    }

    /// Converts a lead into a contact of an account, and if wanted an opportunity. Custom fields
    /// that lead and contact both have by the same name are mapped onto each other.
    ///
    /// # Errors
    /// When the lead is absent, deleted or converted already, or a record cannot be made.
    pub fn convert_lead(&mut self, s: &Session, lead: Id, how: &Conversion) -> Result<Converted, Vec<ApiError>> {
        let sp = self.savepoint();
        match self.try_convert(s, lead, how) {
            Ok(converted) => {
                self.release(sp);
                Ok(converted)
            }
            Err(errors) => {
                self.rollback(sp);
                Err(errors)
            }
        }
    }

    fn try_convert(&mut self, s: &Session, lead: Id, how: &Conversion) -> Result<Converted, Vec<ApiError>> {
        let object = self.places.lead;
        let (slot, row) = self.live(object, lead.as_str()).map_err(|error| vec![error])?;
        if self.named(object, &row, "IsConverted").is_true() {
            let text = "The lead has been converted already.";
            return Err(vec![ApiError::new(400, "INVALID_STATUS", text)]);
        }
        let owner = self.human_owner(s, &row);
        let account = match how.account {
            Some(account) => account,
            None => {
                let mut fields = self.carried(&row, "Account");
                fields.insert("Name".to_owned(), self.shown(&row, "Company"));
                fields.insert("OwnerId".to_owned(), json!(owner));
                self.force(s, "Account", &fields)?
            }
        };
        let contact = match how.contact {
            Some(contact) => contact,
            None => {
                let mut fields = self.carried(&row, "Contact");
                fields.insert("AccountId".to_owned(), json!(account));
                fields.insert("OwnerId".to_owned(), json!(owner));
                self.force(s, "Contact", &fields)?
            }
        };
        let opportunity = match &how.opportunity {
            Some(name) => Some(self.open_opportunity(s, name, account, owner)?),
            None => None,
        };
        let converted = Converted { account, contact, opportunity };
        self.move_to_contact(s, lead, contact);
        self.mark_converted(s, slot, &converted);
        Ok(converted)
    }

    /// Contacts have no queues as owners.
    fn human_owner(&self, s: &Session, row: &Row) -> Id {
        let owner = self.named(self.places.lead, row, "OwnerId").as_id();
        owner.filter(|id| self.users.contains_key(id)).unwrap_or(s.user)
    }

    fn open_opportunity(&mut self, s: &Session, name: &str, account: Id, owner: Id) -> Result<Id, Vec<ApiError>> {
        let close = s.now.to_zoned(self.zone(s)).date().last_of_month().to_string();
        let fields = json!({"Name": name, "AccountId": account, "OwnerId": owner,
                            "StageName": "Prospecting", "CloseDate": close});
        let fields: Fields = fields.as_object().cloned().unwrap_or_default();
        self.force(s, "Opportunity", &fields)
    }

    /// The fields that lead and target share by name and type, addresses included.
    fn carried(&self, row: &Row, target: &str) -> Fields {
        let mut fields = Fields::new();
        let (Some(lead), Some((_, target))) = (self.object(self.places.lead), self.schema.object_named(target)) else {
            return fields;
        };
        let taken = [
            "FirstName",
            "LastName",
            "Salutation",
            "Email",
            "Phone",
            "MobilePhone",
            "Fax",
            "Title",
            "Description",
            "LeadSource",
            "Website",
            "Industry",
            "Rating",
            "AnnualRevenue",
            "NumberOfEmployees",
            "HasOptedOutOfEmail",
            "HasOptedOutOfFax",
            "DoNotCall",
        ];
        for (no, field) in lead.numbered() {
            let name = match field.compound.as_deref() {
                Some("Address") if &*target.name == "Contact" => format!("Mailing{}", field.name),
                Some("Address") => format!("Billing{}", field.name),
                _ if field.custom || taken.contains(&&*field.name) => field.name.to_string(),
                _ => continue,
            };
            let fits = target.field_named(&name).is_some_and(|(_, own)| own.kind == field.kind);
            let cell = row.get(no);
            if fits && !cell.is_null() {
                fields.insert(name, cell.to_json(field.kind));
            }
        }
        fields
    }

    fn shown(&self, row: &Row, name: &str) -> Value {
        let cell = self.named(self.places.lead, row, name);
        cell.as_text().map_or(Value::Null, |text| json!(text))
    }

    /// Activities go over to the contact; campaign memberships name both from now on.
    fn move_to_contact(&mut self, s: &Session, lead: Id, contact: Id) {
        for object in self.places.activities {
            let slots: Vec<Slot> = self.referring(object, "WhoId", lead).map(|(slot, _)| slot).collect();
            for slot in slots {
                if let Some(field) = self.field_no(object, "WhoId") {
                    self.touch(s, object, slot, &[(field, Cell::Id(contact))]);
                }
            }
        }
        let member = self.places.campaign_member;
        let slots: Vec<Slot> = self.referring(member, "LeadId", lead).map(|(slot, _)| slot).collect();
        for slot in slots {
            if let Some(field) = self.field_no(member, "ContactId") {
                self.touch(s, member, slot, &[(field, Cell::Id(contact))]);
            }
        }
    }

    fn mark_converted(&mut self, s: &Session, slot: Slot, converted: &Converted) {
        let object = self.places.lead;
        let today = Cell::day(s.now.to_zoned(self.zone(s)).date());
        let values = [
            ("IsConverted", Cell::Bool(true)),
            ("Status", Cell::text("Closed - Converted")),
            ("ConvertedDate", today),
            ("ConvertedAccountId", Cell::Id(converted.account)),
            ("ConvertedContactId", Cell::Id(converted.contact)),
            ("ConvertedOpportunityId", converted.opportunity.map_or(Cell::Null, Cell::Id)),
        ];
        let values: Vec<(FieldNo, OwnedCell)> = values.into_iter().filter_map(|(name, cell)| Some((self.field_no(object, name)?, cell))).collect();
        self.touch(s, object, slot, &values);
    }

    /// Takes a record back from the recycle bin.
    ///
    /// # Errors
    /// 404 when there is no such record there.
    pub fn undelete(&mut self, s: &Session, id: Id) -> Result<(), ApiError> {
        let (object, slot, row) = self.find(&id).ok_or_else(ApiError::not_found)?;
        let purged = self.stamp_of(object, row).is_some_and(|at| at < s.now.as_millisecond() - RECYCLE_BIN_MILLIS);
        if purged || !self.is_deleted(object, row) {
            return Err(ApiError::not_found());
        }
        self.take_out(s, object, slot, 0);
        Ok(())
    }

    /// Takes a record out of the recycle bin, and with it what went there together with it: its children with the
    /// same stamp. Children of children follow, as deep as [`Org::bin`] goes.
    fn take_out(&mut self, s: &Session, object: ObjectNo, slot: Slot, depth: u8) {
        let Some(row) = self.table(object).and_then(|table| table.get(slot)).cloned() else {
            return;
        };
        let (Some(def), Some(id)) = (self.object(object), row.id()) else {
            return;
        };
        let Some(field) = def.known.is_deleted else {
            return;
        };
        let stamp = self.stamp_of(object, &row);
        let links: Vec<(ObjectNo, FieldNo)> =
            self.schema.children(def).into_iter().filter(|(.., field)| field.child.cascade).map(|(child, _, no, _)| (child, no)).collect();
        self.touch(s, object, slot, &[(field, Cell::Bool(false))]);
        if depth >= 5 {
            return;
        }
        for (child, no) in links {
            let candidates = self.table(child).and_then(|table| table.candidates(no, &Cell::Id(id))).unwrap_or_default();
            for child_slot in candidates {
                let together = self
                    .table(child)
                    .and_then(|table| table.get(child_slot))
                    .is_some_and(|row| row.get(no) == Cell::Id(id) && self.is_deleted(child, row) && self.stamp_of(child, row) == stamp);
                if together {
                    self.take_out(s, child, child_slot, depth + 1);
                }
            }
        }
    }

    fn stamp_of(&self, object: ObjectNo, row: &Row) -> Option<i64> {
        row.get(self.object(object)?.known.modstamp?).as_millis()
    }

    /// Changes values and leaves the stamps of the session.
    fn touch(&mut self, s: &Session, object: ObjectNo, slot: Slot, values: &[(FieldNo, OwnedCell)]) {
        let Some(row) = self.table(object).and_then(|table| table.get(slot)) else {
            return;
        };
        let mut draft = row.unpack();
        draft.extend(values.iter().cloned());
        self.stamp(s, object, &mut draft);
        self.change_row(object, slot, Row::pack(&draft));
    }

    /// Changes values and leaves no trace.
    fn alter(&mut self, object: ObjectNo, slot: Slot, values: &[(FieldNo, OwnedCell)]) {
        let Some(row) = self.table(object).and_then(|table| table.get(slot)) else {
            return;
        };
        let mut draft = row.unpack();
        draft.extend(values.iter().cloned());
        self.change_row(object, slot, Row::pack(&draft));
    }
}
