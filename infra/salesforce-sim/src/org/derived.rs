//! Values that are worked out when they are read: what a campaign member copies from its person,
//! what a campaign counts, when something last happened, and the address of a picture.

use std::borrow::Cow;

use super::Org;
use super::cell::Cell;
use super::row::Row;
use super::table::Slot;
use crate::id::Id;
use crate::schema::{FieldDef, ObjectNo};

impl Org {
    pub(super) fn derived<'a>(&'a self, object: ObjectNo, row: &'a Row, field: &FieldDef) -> Cell<'a> {
        if &*field.name == "PhotoUrl" {
            return row.id().map_or(Cell::Null, |id| Cell::Text(Cow::Owned(format!("/services/images/photo/{id}"))));
        }
        if object == self.places.campaign_member {
            return self.member_value(row, &field.name);
        }
        match &*field.name {
            "LastActivityDate" => self.last_activity(row),
            name if object == self.places.campaign => self.campaign_count(row, name),
            _ => Cell::Null,
        }
    }

    /// Whether a field of a campaign member shows what its person has: nothing of it is stored, so no index knows it.
    pub(super) fn copies_its_person(&self, object: ObjectNo, field: &str) -> bool {
        const COPIES: [&str; 11] = [
            "Type",
            "LeadOrContactId",
            "LeadOrContactOwnerId",
            "CompanyOrAccount",
            "Salutation",
            "Name",
            "FirstName",
            "LastName",
            "Title",
            "Email",
            "Phone",
        ];
        object == self.places.campaign_member && COPIES.contains(&field)
    }

    /// The live records of an object that refer to a record through a named field.
    pub(super) fn referring<'a>(&'a self, object: ObjectNo, field: &str, to: Id) -> impl Iterator<Item = (Slot, &'a Row)> + 'a {
        let table = self.table(object);
        let no = self.field_no(object, field);
        let slots = no.and_then(|no| table?.candidates(no, &Cell::Id(to)));
        slots
            .unwrap_or_default()
            .into_iter()
            .filter_map(move |slot| Some((slot, table?.get(slot)?)))
            .filter(move |(_, row)| no.is_some_and(|no| row.get(no) == Cell::Id(to)) && !self.is_deleted(object, row))
    }

    /// Source: Object Reference, Campaign.
    fn campaign_count(&self, row: &Row, name: &str) -> Cell<'static> {
        let Some(id) = row.id() else {
            return Cell::Null;
        };
        let member = self.places.campaign_member;
        let has = |row: &Row, field: &str| !self.named(member, row, field).is_null();
        let members = self.referring(member, "CampaignId", id).filter(|(_, row)| match name {
            "NumberOfContacts" => has(row, "ContactId"),
            "NumberOfLeads" => has(row, "LeadId"),
            "NumberOfConvertedLeads" => has(row, "LeadId") && has(row, "ContactId"),
            "NumberOfResponses" => self.named(member, row, "HasResponded").is_true(),
            _ => false,
        });
        let count = members.count();
        if name.starts_with("NumberOf") { Cell::whole(i64::try_from(count).unwrap_or(i64::MAX)) } else { Cell::Null }
    }

    /// The latest day of an event with this record, or of a task that is done.
    fn last_activity(&self, row: &Row) -> Cell<'static> {
        let Some(id) = row.id() else {
            return Cell::Null;
        };
        let mut last = Cell::Null;
        for object in self.places.activities {
            for field in ["WhoId", "WhatId"] {
                for (_, activity) in self.referring(object, field, id) {
                    let open = object == self.places.task && !self.named(object, activity, "IsClosed").is_true();
                    let day = self.named(object, activity, "ActivityDate");
                    if !open && day.order(&last).is_gt() {
                        last = day.into_owned();
                    }
                }
            }
        }
        last
    }

    /// Source: Object Reference, CampaignMember: its person's fields are copies.
    fn member_value<'a>(&'a self, row: &'a Row, name: &str) -> Cell<'a> {
        let own = |name: &str| self.field_no(self.places.campaign_member, name).and_then(|field| row.get(field).as_id());
        // After a conversion a member has both; the contact then speaks for it.
        let (kind, id) = match (own("ContactId"), own("LeadId")) {
            (Some(contact), _) => ("Contact", contact),
            (None, Some(lead)) => ("Lead", lead),
            (None, None) => return Cell::Null,
        };
        let Some((object, _, person)) = self.find(&id) else {
            return Cell::Null;
        };
        match name {
            "Type" => Cell::text(kind),
            "LeadOrContactId" => Cell::Id(id),
            "LeadOrContactOwnerId" => self.named(object, person, "OwnerId"),
            "CompanyOrAccount" if kind == "Lead" => self.named(object, person, "Company"),
            "CompanyOrAccount" => {
                self.named(object, person, "AccountId").as_id().and_then(|account| self.name_of(&account)).map_or(Cell::Null, Cell::text)
            }
            "Salutation" | "Name" | "FirstName" | "LastName" | "Title" | "Email" | "Phone" => self.named(object, person, name),
            _ => Cell::Null,
        }
    }
}
