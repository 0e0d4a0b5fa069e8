// Generated from infra/openapi.yaml by `npm run generate`. Do not edit.

export interface paths {
    "/v1/temporary-licenses": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Issue a temporary license
         * @description Sales issues trials; support issues troubleshooting and emergency licenses. Limits (configuration): days by purpose, 60 days
         *     in all of a customer's trials on a server, three licenses of a server in 90 days. A refusal says what was issued before, by
         *     whom and when, and when the next is possible; an exception lets one license pass (`/v1/exception-requests`).
         */
        post: operations["issueTemporary"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/licenses": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Find licenses by any of their facts
         * @description Every filter that is given must hold; without one, all licenses. The order follows from the filters: with `serverToken`
         *     the newest sequence first; else with `contract` the newest issued first; else with `customer` by name, under one name
         *     the newest first; else with `expiresFrom` or `expiresTo` the soonest to expire first; else with `status=expired` the
         *     latest expired first; else the newest issued first.
         *
         *     A page looks at a bounded part of the licenses, so that it costs the same whatever their number: it **may have fewer
         *     items than `limit`, even none, and a `nextCursor` all the same**. Go on until `nextCursor` is null. A cursor belongs to
         *     its filters; `limit` may change between pages. A license that is issued meanwhile repeats none and hides none. What was
         *     changed in the last second may not be found yet.
         */
        get: operations["search"];
        put?: never;
        /**
         * Issue a permanent license or a subscription
         * @description Accounting only. A permanent license needs every condition of the sale. Where a base license is active, name it in
         *     `replaces` and send its ETag as `If-Match`; otherwise the answer is 409 `base_license_exists`. To sell what was a
         *     trial, name it in `convertsTrial`: Server Token, customer and modules may then be left out and are the trial's; a
         *     Server Token that differs is refused. The sale starts a lineage of its own and supersedes the trial.
         *
         *     With `requestId` it answers a license request: what is left out is taken from the request, what is given must be
         *     what the request asks for, and the conditions are those recorded on it. The term comes from here. Whoever made the
         *     request cannot issue from it. Without `requestId` accounting gives the conditions here, unless a request is
         *     obligatory for permanent licenses: then the answer is 422 `request_required`.
         */
        post: operations["issue"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/expirations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How many licenses expire, month by month
         * @description Counts the licenses whose expiration date falls into each month and that are neither superseded nor revoked, those of
         *     past months included. What it costs grows with the number that it counts.
         */
        get: operations["expirations"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/licenses/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One license
         * @description Every role sees every license, whatever its status. Its `ETag` goes into the `If-Match` of whatever changes it. What it
         *     says is never older than the last change that was answered.
         */
        get: operations["show"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/licenses/{id}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What happened to a license
         * @description Every audit entry of the license's server, and those of its lineage, with its license requests and exceptions, on every
         *     other server that it was ever on, newest first, each in a sentence and in fields. Every chain is computed again: `chains` says where one does not hold and what
         *     was done to it. Keep the `checkpoint` of a chain and send that of the license's own server with a later call: only
         *     so is a chain found that was replaced as a whole.
         */
        get: operations["history"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/licenses/{id}/renew": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Renew a subscription by contract
         * @description Accounting only. The new term starts the day after the old expiration date, or today with basis `today`. A lapsed
         *     subscription has no default: 422 `basis_required`. The old key works until its own end. An `expiresOn` that would
         *     shorten the license is refused. With `modules` that differ from the old license's the answer says what `changes`.
         */
        post: operations["renew"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/licenses/{id}/rehost": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Move a base license to another server
         * @description Support only. The old server's license is superseded and the new server's opens in one transaction; nothing but the
         *     Server Token changes. The new server must have no license of another customer (409 `other_customer`; names are
         *     compared without case, accents, punctuation and legal form) and no active base license (409 `base_license_exists`);
         *     a temporary license of the same customer there bridges and is superseded. A lapsed subscription is renewed first
         *     (422 `expires_in_past`), a temporary license is issued anew (422 `not_rehostable`). The `notice` says what becomes of
         *     both servers.
         */
        post: operations["rehost"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/licenses/{id}/amend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Upgrade or downgrade a base license
         * @description Accounting only. Issues a permanent license or a subscription anew with other modules; type, dates, papers and
         *     conditions of the sale stay. `changes` says the modules and seats before and after and, where seats shrink, what the
         *     customer must do before the new license loads. With `dryRun` the same rules answer 200 with the same `changes` and
         *     a `preview`, and nothing is written: the headers are the same, but the `Idempotency-Key` is not used up, so that
         *     the request without `dryRun` can carry it. A temporary license is refused with 422 `not_amendable`, an expired
         *     subscription with 422 `expires_in_past`; more seats by whoever made the license request that it was sold by with 422
         *     `own_request`, and of a permanent license where a license request is obligatory with 422 `request_required`.
         */
        post: operations["amend"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/licenses/{id}/correct": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Mend a mistake in a base license
         * @description Accounting only, until 7 days (a parameter of the system) after the day on which the license that set the wrong
         *     member was issued: `customer`, `serverToken` and `order` are set when a license is sold, `modules` also by an
         *     amendment or a renewal that changes them, `contract` also by a renewal. At least one member must differ from the license. The wrong license is revoked and the right one issued, in
         *     one step; type, dates and conditions stay. `contract` is for subscriptions, `order` for permanent licenses. A new
         *     `serverToken` moves the license: 409 `base_license_exists` if that server has an active base license, 409
         *     `other_customer` if it has a license of another customer. What cannot be corrected (too old, temporary, re-hosted) is
         *     422 `not_correctable`. Whoever made the license request that it was sold by: 422 `own_request`. More seats of a
         *     permanent license where a license request is obligatory: 422 `request_required`.
         */
        post: operations["correct"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/licenses/{id}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take a license back
         * @description Accounting and admin. It is no longer handed out by Server Token and validate says `revoked`; nothing is revived. A
         *     copy that was loaded already keeps working offline, which `notice` says. A renewal, amendment, correction or re-host
         *     of it that is not signed yet is given up.
         */
        post: operations["revoke"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/license-requests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * License requests, of one state or all
         * @description Sales, accounting and admin. Open requests come oldest first, as a queue is worked off; every other list begins with
         *     the newest. A change can take a moment to be seen here; a request asked for by its id is always as it is.
         */
        get: operations["listLicenseRequests"];
        put?: never;
        /**
         * Ask accounting for a permanent license or a subscription
         * @description Sales and accounting. What is asked for is checked as if it were issued; whether the server may get it is decided
         *     when it is. The conditions of the sale are recorded afterwards, and another person than this one issues.
         */
        post: operations["askForLicense"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/license-requests/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One license request
         * @description Sales, accounting and admin.
         */
        get: operations["showLicenseRequest"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/license-requests/{id}/conditions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Record conditions of the sale as met
         * @description Accounting only. Each with its evidence; one that is recorded already is replaced. Who recorded it and when is kept.
         *     Several at once lose nothing of each other, so this takes no `If-Match`.
         */
        post: operations["recordConditions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/license-requests/{id}/decline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Decline an open request
         * @description Accounting only.
         */
        post: operations["declineLicenseRequest"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/license-requests/{id}/withdraw": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Withdraw one's own open request
         * @description Sales and accounting, and of these only who made the request; 403 `forbidden` names them.
         */
        post: operations["withdrawLicenseRequest"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/renewals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Renew many subscriptions, or see what that would do
         * @description Accounting only. First a **dry run** (`dryRun` true, the default): name the licenses in one of three ways - all current
         *     subscriptions of a `contract`, a list of `licenseIds`, or a `filter` as in the search - and say how they are to be
         *     renewed. The answer lists each with its version, its expiration date and the new one, or the problem that it would fail
         *     with; nothing is written, and no Idempotency-Key is needed. More than 200 are refused with 422 `too_many_licenses` and
         *     their count. An index that lags behind finds them: one that was issued in the last second may be missing.
         *
         *     Then the **run** (`dryRun` false): send those of them that are to be renewed as `licenses`, with the versions that the
         *     dry run answered, the same terms, and an Idempotency-Key. Each is renewed exactly as `POST /v1/licenses/{id}/renew` does,
         *     and what fails fails alone: the answer is 200 with a row each, `renewed`, `failed` with its problem, or `not_attempted`.
         *     Nothing was begun with the latter: time ran out, the day's quota is used up, or the signing key cannot be used. Send the
         *     same run again with the same key: what is renewed is answered as before (`replayed`), and only what is missing is
         *     attempted. The key is good for this run alone: other licenses, versions, terms or another order are refused as a whole
         *     with 422 `idempotency_key_reused`, and nothing is renewed. What failed and is mended since goes into a new run with a
         *     new key.
         *
         *     A subscription that has lapsed has no default basis: without `basis`, its row's problem is `basis_required`. A license
         *     that was renewed is itself found by its contract: a new dry run adds another term to it. To go on where a run stopped,
         *     repeat the run.
         */
        post: operations["renewMany"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The signing keys and their age
         * @description Admin only. A key that has signed for more than a year has a `nextStep`. `createdOn` and `stateSince` are null for a
         *     key that was written before they were noted.
         */
        get: operations["keyAges"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/reconcile": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Look through everything that is stored
         * @description Admin only. Begins a run, or goes on with the one that is not at its end, for as long as a request may take. A run in
         *     state `running` goes on with the next request (with a new Idempotency-Key), or by itself within the hour. One run a day
         *     begins by itself. It changes no license: see its findings.
         */
        post: operations["reconcile"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/findings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What a run has found
         * @description Admin only. Newest first. Each finding says what is wrong and what to do next.
         */
        get: operations["findings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/exception-requests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Requests for exceptions, newest first
         * @description An admin sees all, the others what they have asked for. A page may be short and have a next one all the same.
         */
        get: operations["listExceptionRequests"];
        put?: never;
        /**
         * Ask for an exception from a limit
         * @description Sales, support and accounting, after a refusal with `trial_limit`, `temporary_limit` or `rehost_limit`: `rule` is that
         *     code. The first two are limits of a server (`serverToken`), the third is one of a lineage (`lineageId`). An admin sees the
         *     request and grants or declines it; who made it can withdraw it.
         */
        post: operations["askException"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/exception-requests/{id}/decline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Decline an open request for an exception
         * @description Admin only, with the reason, which who asked reads in the list and in the history. One that is granted, declined or withdrawn
         *     is 409 `request_not_open`; `detail` says what became of it.
         */
        post: operations["declineExceptionRequest"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/exception-requests/{id}/withdraw": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Withdraw one's own open request for an exception
         * @description Only who made the request; 403 `forbidden` names them. One that is granted, declined or withdrawn is 409
         *     `request_not_open`; `detail` says what became of it.
         */
        post: operations["withdrawExceptionRequest"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/exceptions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Exceptions, newest first
         * @description Admin only. Among the granted ones are those whose time is over; their `state` is `expired`. The replaced are those whose place one with more days took.
         */
        get: operations["listExceptions"];
        put?: never;
        /**
         * Grant an exception from a limit, for one license
         * @description Admin only. The exception lifts what its rule counts for the next license of the server or lineage that would be refused,
         *     once, within 14 days (configuration); with `days` also how long that license may be, up to these days. The license's history
         *     names it. While one is open, another one for the same is 409 `exception_exists`, unless it has more `days`: then it takes the
         *     place of the open one, which is `replaced` and allows nothing any more. With `requestId` the request is granted in the same
         *     step. The licenses of one person and day have no exception.
         */
        post: operations["grantException"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/servers/{serverToken}/license": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The license for a server
         * @description The active license with the highest sequence, else the newest expired one. An unknown token, no license and a
         *     revoked one answer the same 404.
         */
        get: operations["retrieve"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/licenses/validate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Why a license key loads or does not
         * @description Answers all problems, most decisive first, each with its remedy, and what cleaning removed from the paste.
         */
        post: operations["validate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/licenses/downgrade-check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Whether a license with fewer seats loads, and whom to unlicense
         * @description Exactly one of licenseKey and modules, and exactly one of users and assigned. Up to 25,000 users in 4 MiB.
         */
        post: operations["downgradeCheck"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/.well-known/jwks.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The public keys that license keys are verified with
         * @description Public keys are never removed. `licenseTypes` says which licenses a key may sign.
         */
        get: operations["keys"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** Format: date */
        Date: string;
        Quantity: number;
        /** @description What is bought; absent is 0. One QMS Suite is one of each module. */
        Modules: {
            qmsSuite?: components["schemas"]["Quantity"];
            callRecording?: components["schemas"]["Quantity"];
            computerRecording?: components["schemas"]["Quantity"];
            agentEvaluation?: components["schemas"]["Quantity"];
        };
        BoughtModules: WithRequired<components["schemas"]["Modules"], "qmsSuite" | "callRecording" | "computerRecording" | "agentEvaluation">;
        /** @description What follows from the modules, and how many users each serves. */
        Seats: {
            callRecording: components["schemas"]["Quantity"];
            computerRecording: components["schemas"]["Quantity"];
            agentEvaluation: components["schemas"]["Quantity"];
        };
        /** @enum {string} */
        Type: "permanent" | "subscription" | "temporary";
        ServerToken: string;
        LicenseIdText: string;
        /**
         * @example {
         *       "id": "5a7b22fd3b0147caae4f13a5d93c2b11",
         *       "lineageId": "0f8b0c5e9d7a4c52b1e3a6f4d2c89b17",
         *       "serverToken": "QMSA-7K2P-9XWD-H4TN-RC53",
         *       "sequence": 2,
         *       "version": 1,
         *       "type": "subscription",
         *       "purpose": null,
         *       "customer": "Northwind Call Centers",
         *       "modules": {
         *         "qmsSuite": 50,
         *         "callRecording": 20,
         *         "computerRecording": 0,
         *         "agentEvaluation": 0
         *       },
         *       "seats": {
         *         "callRecording": 70,
         *         "computerRecording": 50,
         *         "agentEvaluation": 50
         *       },
         *       "issuedOn": "2026-11-23",
         *       "issuedBy": "accounting",
         *       "startsOn": "2027-01-01",
         *       "expiresOn": "2027-12-31",
         *       "status": "active",
         *       "contract": "C-2041",
         *       "order": null,
         *       "supersedes": "0f8b0c5e9d7a4c52b1e3a6f4d2c89b17",
         *       "supersededBy": null,
         *       "licenseKey": "eyJhbGciOiJFUzI1NiIs….eyJpc3MiOiJxbXMt….M_NshJ_dfrzu8oVC…"
         *     }
         */
        License: {
            id: components["schemas"]["LicenseIdText"];
            lineageId: components["schemas"]["LicenseIdText"];
            serverToken: components["schemas"]["ServerToken"];
            sequence: number;
            /** @description The ETag is this number in quotes. */
            version: number;
            type: components["schemas"]["Type"];
            /** @enum {string|null} */
            purpose: "trial" | "troubleshooting" | "emergency" | null;
            customer: string;
            modules: components["schemas"]["BoughtModules"];
            seats: components["schemas"]["Seats"];
            issuedOn: components["schemas"]["Date"];
            issuedBy: string;
            startsOn: components["schemas"]["Date"];
            /**
             * Format: date
             * @description null is Never.
             */
            expiresOn: string | null;
            /** @enum {string} */
            status: "active" | "expired" | "superseded" | "revoked" | "pending" | "void";
            contract: string | null;
            order: string | null;
            /** @description The license replaced in its own slot. */
            supersedes: string | null;
            supersededBy: string | null;
            /** @description The signed text; null until it is signed. */
            licenseKey: string | null;
        };
        LicenseAnswer: {
            license: components["schemas"]["License"];
        };
        HistoryAnswer: {
            items: components["schemas"]["HistoryEvent"][];
            /** @description The license's own server first. */
            chains: components["schemas"]["Chain"][];
            nextCursor: string | null;
        };
        HistoryEvent: {
            /** Format: date-time */
            at: string;
            /**
             * @description unreadable: somebody has broken the entry.
             * @enum {string}
             */
            event: "intent" | "issued" | "voided" | "revoked" | "moving" | "moved" | "stays" | "requested" | "condition-met" | "declined" | "withdrawn" | "exception-asked" | "exception-granted" | "exception-declined" | "exception-withdrawn" | "unreadable";
            /**
             * @description What made the license.
             * @enum {string|null}
             */
            operation: "issue" | "renew" | "amend" | "correct" | "rehost" | null;
            sentence: string;
            who: string;
            /**
             * @description null: the system itself.
             * @enum {string|null}
             */
            role: "sales" | "support" | "accounting" | "admin" | null;
            licenseId: string | null;
            serverToken: string;
            /** @description In the server's chain, from 1. */
            number: number;
            requestId: string | null;
            reason: string | null;
            note: string | null;
            /** @description The license request that it answers. */
            licenseRequestId: string | null;
            /** @description The exceptions that allowed it. */
            exceptionIds: string[];
            /** @description Conditions of the sale of its license. */
            conditions: components["schemas"]["Condition"][];
            /** @description The trial that its license was made from. */
            convertsTrial: string | null;
            /** @description The members of license or document that changed, as they were. */
            before: Record<string, never> | null;
            /** @description The same members, as they are since. */
            after: Record<string, never> | null;
            document: null | {
                kind: string;
                id: string;
                version: number;
                state: string;
            };
            /** @description SHA-256 of the entry in hex. */
            hash: string;
        };
        Chain: {
            serverToken: string;
            length: number;
            /** @description Hash of the last entry. */
            head: string | null;
            /** @description Of the last entry; to be kept elsewhere. */
            checkpoint: string | null;
            verified: boolean;
            /** @description The first link that does not hold. */
            broken: null | components["schemas"]["Break"];
        };
        Break: {
            number: number;
            /** @enum {string} */
            kind: "edited" | "deleted" | "inserted" | "reordered" | "tail-cut" | "replaced" | "head-lost";
            detail: string;
        };
        KeyAges: {
            keys: {
                kid: string;
                /** @enum {string} */
                purpose: "temporary" | "sold";
                /** @enum {string} */
                state: "standby" | "signing" | "retired";
                licenseTypes: ("permanent" | "subscription" | "temporary")[];
                /**
                 * Format: date
                 * @description When it was written into the key table.
                 */
                createdOn: string | null;
                /** Format: date */
                stateSince: string | null;
                /** @description Since createdOn. */
                ageDays: number | null;
                /** @description What to do; null: nothing. */
                nextStep: string | null;
            }[];
        };
        Run: {
            id: string;
            /** @description A username, or schedule. */
            startedBy: string;
            /** Format: date-time */
            startedAt: string;
            /** Format: date-time */
            finishedAt: string | null;
            /** @enum {string} */
            state: "running" | "done";
            checked: {
                licenses: number;
                /** @description License keys that the product's verifier has read again. */
                verified: number;
                servers: number;
                entries: number;
                idempotencyRecords: number;
                documents: number;
            };
            findings: number;
        };
        /**
         * @example {
         *       "code": "chain_broken",
         *       "severity": "critical",
         *       "detail": "The audit chain of server QMSA-7K2P-9XWD-H4TN-RC53 does not hold (edited): Entry 2 was changed: its hash is not that of what it says. Compare the chain with the archive, which nobody can change, and find out who wrote to the audit table (CloudTrail).",
         *       "licenseId": null,
         *       "serverToken": "QMSA-7K2P-9XWD-H4TN-RC53",
         *       "at": "2026-11-23T09:00:04.456Z"
         *     }
         */
        Finding: {
            /** @enum {string} */
            code: "pending_too_long" | "slot_wrong" | "sequence_wrong" | "highest_base_wrong" | "license_missing" | "license_not_in_chain" | "license_changed" | "license_key_wrong" | "server_missing" | "chain_broken" | "idempotency_orphan" | "document_wrong" | "signatures_uncounted" | "unreadable";
            /** @enum {string} */
            severity: "warning" | "error" | "critical";
            detail: string;
            licenseId: string | null;
            serverToken: string | null;
            /** Format: date-time */
            at: string;
        };
        /**
         * @example {
         *       "serverToken": "QMSA-7K2P-9XWD-H4TN-RC53",
         *       "type": "subscription",
         *       "status": "active",
         *       "expiresOn": "2027-12-31",
         *       "modules": {
         *         "qmsSuite": 50,
         *         "callRecording": 20,
         *         "computerRecording": 0,
         *         "agentEvaluation": 0
         *       },
         *       "seats": {
         *         "callRecording": 70,
         *         "computerRecording": 50,
         *         "agentEvaluation": 50
         *       },
         *       "licenseKey": "eyJhbGciOiJFUzI1NiIs….eyJpc3MiOiJxbXMt….M_NshJ_dfrzu8oVC…"
         *     }
         */
        RetrievedLicense: {
            serverToken: components["schemas"]["ServerToken"];
            type: components["schemas"]["Type"];
            /** @enum {string} */
            status: "active" | "expired";
            /**
             * Format: date
             * @description null is Never.
             */
            expiresOn: string | null;
            modules: components["schemas"]["BoughtModules"];
            seats: components["schemas"]["Seats"];
            licenseKey: string;
        };
        IssueTemporaryRequest: {
            serverToken: string;
            customer: string;
            /** @enum {string} */
            purpose: "trial" | "troubleshooting" | "emergency";
            modules: components["schemas"]["Modules"];
            /** @description Default and, without an exception, most: the limit of the purpose. */
            days?: number;
            note?: string;
        };
        Condition: {
            /** @description contract-signed, payment-received, quantities-match or customer-name-matches. */
            name: string;
            metOn: components["schemas"]["Date"];
            evidence: string;
        };
        /**
         * @description A subscription needs contract and exactly one of termMonths and expiresOn; a permanent license needs order and
         *     conditions. With requestId everything but the term is taken from the request, and conditions are not given; with
         *     convertsTrial serverToken, customer and modules may be left out; with neither serverToken, customer, type and modules
         *     are needed.
         */
        IssueRequest: {
            serverToken?: string;
            customer?: string;
            /** @enum {string} */
            type?: "subscription" | "permanent";
            modules?: components["schemas"]["Modules"];
            contract?: string;
            termMonths?: number;
            expiresOn?: components["schemas"]["Date"];
            /** @description Default today; may be past. */
            startsOn?: components["schemas"]["Date"];
            order?: string;
            conditions?: components["schemas"]["Condition"][];
            /** @description The active base license that this one takes the place of. */
            replaces?: string;
            /** @description The trial that the customer buys. */
            convertsTrial?: string;
            /** @description The license request that this answers. */
            requestId?: string;
        };
        /** @description A subscription needs contract, a permanent license needs order. */
        AskRequest: {
            /** @enum {string} */
            type: "permanent" | "subscription";
            serverToken: string;
            customer: string;
            modules: components["schemas"]["Modules"];
            order?: string;
            contract?: string;
            note?: string;
            /** @description The base license of this server that the new one is to take the place of. */
            replaces?: string;
        };
        /** @enum {string} */
        LicenseRequestState: "open" | "issued" | "declined" | "withdrawn";
        /**
         * @example {
         *       "id": "0f5e9c1d7a3b4826a4d1c0e97f62b538",
         *       "version": 2,
         *       "state": "open",
         *       "type": "permanent",
         *       "serverToken": "QMSA-4M8D-K2VX-77QH-PT31",
         *       "customer": "Lakeshore Telecare",
         *       "modules": {
         *         "qmsSuite": 50,
         *         "callRecording": 20,
         *         "computerRecording": 0,
         *         "agentEvaluation": 0
         *       },
         *       "seats": {
         *         "callRecording": 70,
         *         "computerRecording": 50,
         *         "agentEvaluation": 50
         *       },
         *       "order": "O-7781",
         *       "contract": null,
         *       "note": null,
         *       "replaces": null,
         *       "requestedBy": "sales",
         *       "requestedAt": "2026-11-23T09:00:00.123Z",
         *       "conditions": [
         *         {
         *           "name": "payment-received",
         *           "metOn": "2026-11-12",
         *           "evidence": "Bank statement 12 Nov",
         *           "recordedBy": "accounting",
         *           "recordedAt": "2026-11-23T09:05:00.456Z"
         *         }
         *       ],
         *       "missing": [
         *         "contract-signed",
         *         "quantities-match",
         *         "customer-name-matches"
         *       ],
         *       "licenseId": null,
         *       "issuedBy": null,
         *       "issuedAt": null,
         *       "declinedBy": null,
         *       "declinedAt": null,
         *       "declinedReason": null,
         *       "withdrawnBy": null,
         *       "withdrawnAt": null,
         *       "withdrawnReason": null
         *     }
         */
        LicenseRequest: {
            id: components["schemas"]["LicenseIdText"];
            /** @description The ETag is this number in quotes. */
            version: number;
            state: components["schemas"]["LicenseRequestState"];
            /** @enum {string} */
            type: "permanent" | "subscription";
            serverToken: components["schemas"]["ServerToken"];
            customer: string;
            modules: components["schemas"]["BoughtModules"];
            seats: components["schemas"]["Seats"];
            order: string | null;
            contract: string | null;
            note: string | null;
            replaces: string | null;
            requestedBy: string;
            /** Format: date-time */
            requestedAt: string;
            conditions: components["schemas"]["RecordedCondition"][];
            /** @description Names of the conditions of the sale that are not met yet. */
            missing: string[];
            /** @description The license that answers it. It may still be pending; if it is given up, the request is open again. */
            licenseId: string | null;
            issuedBy: string | null;
            /** Format: date-time */
            issuedAt: string | null;
            declinedBy: string | null;
            /** Format: date-time */
            declinedAt: string | null;
            declinedReason: string | null;
            withdrawnBy: string | null;
            /** Format: date-time */
            withdrawnAt: string | null;
            withdrawnReason: string | null;
        };
        RecordedCondition: {
            name: string;
            metOn: components["schemas"]["Date"];
            evidence: string;
            recordedBy: string;
            /** Format: date-time */
            recordedAt: string;
        };
        LicenseRequestAnswer: {
            request: components["schemas"]["LicenseRequest"];
        };
        RenewRequest: {
            contract: string;
            termMonths?: number;
            expiresOn?: components["schemas"]["Date"];
            /** @enum {string} */
            basis?: "expiration" | "today";
            /** @description Default, those of the old license. */
            modules?: components["schemas"]["Modules"];
        };
        /** @description The reason other needs a note. */
        RehostRequest: {
            /** @description Of the new server. */
            serverToken: string;
            /** @enum {string} */
            reason: "network-card-replaced" | "server-replaced" | "virtual-machine-moved" | "other";
            note?: string;
        };
        AmendRequest: {
            /** @description What it is to have. */
            modules: components["schemas"]["Modules"];
            note?: string;
            /**
             * @description Say what would change and write nothing.
             * @default false
             */
            dryRun: boolean;
        };
        /** @description What is left out stays as it is; at least one member besides reason must differ from the license. */
        CorrectRequest: {
            reason: string;
            serverToken?: string;
            customer?: string;
            contract?: string;
            order?: string;
            modules?: components["schemas"]["Modules"];
        };
        RevokeRequest: {
            reason: string;
        };
        /**
         * @description What other modules mean for the customer.
         * @example {
         *       "modules": {
         *         "before": {
         *           "qmsSuite": 50,
         *           "callRecording": 20,
         *           "computerRecording": 0,
         *           "agentEvaluation": 0
         *         },
         *         "after": {
         *           "qmsSuite": 40,
         *           "callRecording": 20,
         *           "computerRecording": 0,
         *           "agentEvaluation": 0
         *         }
         *       },
         *       "seats": {
         *         "before": {
         *           "callRecording": 70,
         *           "computerRecording": 50,
         *           "agentEvaluation": 50
         *         },
         *         "after": {
         *           "callRecording": 60,
         *           "computerRecording": 40,
         *           "agentEvaluation": 40
         *         }
         *       },
         *       "warnings": [
         *         "Call Recording seats go from 70 to 60. Before the new license is loaded, the customer must unlicense users in QMS until at most 60 have Call Recording: a license with fewer seats than users assigned does not load. The downgrade check says whom.",
         *         "Computer Recording seats go from 50 to 40. Before the new license is loaded, the customer must unlicense users in QMS until at most 40 have Computer Recording: a license with fewer seats than users assigned does not load. The downgrade check says whom.",
         *         "Agent Evaluation seats go from 50 to 40. Before the new license is loaded, the customer must unlicense users in QMS until at most 40 have Agent Evaluation: a license with fewer seats than users assigned does not load. The downgrade check says whom."
         *       ]
         *     }
         */
        Changes: {
            modules: {
                before: components["schemas"]["BoughtModules"];
                after: components["schemas"]["BoughtModules"];
            };
            seats: {
                before: components["schemas"]["Seats"];
                after: components["schemas"]["Seats"];
            };
            /** @description What the customer must do before the new license loads, a sentence for each module whose seats shrink. */
            warnings: string[];
        };
        /**
         * @description A license that would be issued, without what only issuing gives it.
         * @example {
         *       "serverToken": "QMSA-7K2P-9XWD-H4TN-RC53",
         *       "type": "subscription",
         *       "customer": "Northwind Call Centers",
         *       "modules": {
         *         "qmsSuite": 40,
         *         "callRecording": 20,
         *         "computerRecording": 0,
         *         "agentEvaluation": 0
         *       },
         *       "seats": {
         *         "callRecording": 60,
         *         "computerRecording": 40,
         *         "agentEvaluation": 40
         *       },
         *       "startsOn": "2027-01-01",
         *       "expiresOn": "2027-12-31",
         *       "contract": "C-2041",
         *       "order": null
         *     }
         */
        LicensePreview: {
            serverToken: components["schemas"]["ServerToken"];
            type: components["schemas"]["Type"];
            customer: string;
            modules: components["schemas"]["BoughtModules"];
            seats: components["schemas"]["Seats"];
            startsOn: components["schemas"]["Date"];
            /**
             * Format: date
             * @description null is Never.
             */
            expiresOn: string | null;
            contract: string | null;
            order: string | null;
        };
        /**
         * @description A dry run has exactly one of contract, licenseIds and filter; a run has licenses. Both have exactly one of termMonths and
         *     expiresOn.
         */
        RenewalsRequest: {
            /** @description Default, true. */
            dryRun?: boolean;
            /** @description All current subscriptions of this contract. Case does not matter. */
            contract?: string;
            licenseIds?: string[];
            /** @description Current subscriptions for which every member holds, as in the search. */
            filter?: {
                /** @description The start of the name. */
                customer?: string;
                contract?: string;
                /**
                 * @description Default, both.
                 * @enum {string}
                 */
                status?: "active" | "expired";
                issuedBy?: string;
                expiresFrom?: components["schemas"]["Date"];
                expiresTo?: components["schemas"]["Date"];
            };
            /** @description What to renew, with the versions that the dry run answered. */
            licenses?: {
                licenseId: string;
                version: number;
            }[];
            /** @description Default, each license keeps its own. */
            newContract?: string;
            termMonths?: number;
            expiresOn?: components["schemas"]["Date"];
            /** @enum {string} */
            basis?: "expiration" | "today";
        };
        /**
         * @description A license that cannot be read has nothing but its id and the problem.
         * @example {
         *       "licenseId": "0f8b0c5e9d7a4c52b1e3a6f4d2c89b17",
         *       "version": 1,
         *       "serverToken": "QMSA-7K2P-9XWD-H4TN-RC53",
         *       "customer": "Northwind Call Centers",
         *       "contract": "C-2041",
         *       "expiresOn": "2026-12-31",
         *       "newExpiresOn": "2027-12-31"
         *     }
         */
        RenewalForecast: {
            licenseId: string;
            /** @description What a run sends back. */
            version?: number;
            serverToken?: components["schemas"]["ServerToken"];
            customer?: string;
            /** @description Its present one. */
            contract?: string | null;
            /**
             * Format: date
             * @description The present expiration date; null is Never.
             */
            expiresOn?: string | null;
            newExpiresOn?: components["schemas"]["Date"];
            problem?: components["schemas"]["Problem"];
        } & (unknown | unknown);
        RenewalsForecast: {
            items: components["schemas"]["RenewalForecast"][];
            count: number;
        };
        RenewalRow: {
            /** @description Of the license that was to be renewed. */
            licenseId: string;
            /** @enum {string} */
            result: "renewed" | "failed" | "not_attempted";
            license?: components["schemas"]["License"];
            previousExpiresOn?: components["schemas"]["Date"];
            /** @description An earlier run with this key has renewed it. */
            replayed?: boolean;
            problem?: components["schemas"]["Problem"];
        } & ({
            /** @constant */
            result?: "renewed";
        } | {
            /** @constant */
            result?: "failed";
        } | {
            /** @constant */
            result?: "not_attempted";
        });
        RenewalsResult: {
            items: components["schemas"]["RenewalRow"][];
            renewed: number;
            failed: number;
            notAttempted: number;
        };
        /** Format: date-time */
        Instant: string;
        /**
         * @description The code of the refusal.
         * @enum {string}
         */
        Rule: "trial_limit" | "temporary_limit" | "rehost_limit";
        /** @description serverToken for trial_limit and temporary_limit, lineageId for rehost_limit. */
        ExceptionRequestRequest: {
            serverToken?: string;
            lineageId?: string;
            rule: components["schemas"]["Rule"];
            reason: string;
            days?: components["schemas"]["ExceptionDays"];
        };
        /** @description serverToken for trial_limit and temporary_limit, lineageId for rehost_limit. */
        ExceptionGrantRequest: {
            serverToken?: string;
            lineageId?: string;
            rule: components["schemas"]["Rule"];
            reason: string;
            days?: components["schemas"]["ExceptionDays"];
            /** @description The open request that it grants; for the same server or lineage and rule. */
            requestId?: string;
        };
        /**
         * @description How long the license may be at most, beyond the days of its purpose. Absent, the exception lifts the count of its rule only and
         *     the license runs for the days of its purpose at most. Not for rehost_limit.
         */
        ExceptionDays: number;
        /**
         * @example {
         *       "id": "90a2c1f35d7e4b0c8a61f2d3e4b5c6d7",
         *       "rule": "trial_limit",
         *       "serverToken": "QMSA-Q5NW-3T8B-V1HX-GM94",
         *       "lineageId": null,
         *       "reason": "The telephone system was replaced during the trial",
         *       "askedBy": "sales",
         *       "askedAt": "2026-11-23T09:00:00Z",
         *       "state": "granted",
         *       "exceptionId": "80bdf02fc2957dc579080a2096df412f",
         *       "grantedBy": "admin",
         *       "grantedAt": "2026-11-23T10:30:00Z",
         *       "declinedBy": null,
         *       "declinedAt": null,
         *       "declinedReason": null,
         *       "withdrawnBy": null,
         *       "withdrawnAt": null,
         *       "withdrawnReason": null,
         *       "version": 2
         *     }
         */
        ExceptionRequest: {
            id: components["schemas"]["LicenseIdText"];
            rule: components["schemas"]["Rule"];
            serverToken: string | null;
            lineageId: string | null;
            days?: components["schemas"]["ExceptionDays"];
            reason: string;
            askedBy: string;
            askedAt: components["schemas"]["Instant"];
            /** @enum {string} */
            state: "open" | "granted" | "declined" | "withdrawn";
            /** @description The exception that granted it. */
            exceptionId: string | null;
            grantedBy: string | null;
            /** Format: date-time */
            grantedAt: string | null;
            /** @description The days of that exception, if it says any; they may be fewer than were asked for. */
            grantedDays?: number;
            declinedBy: string | null;
            /** Format: date-time */
            declinedAt: string | null;
            declinedReason: string | null;
            withdrawnBy: string | null;
            /** Format: date-time */
            withdrawnAt: string | null;
            withdrawnReason: string | null;
            /** @description The ETag is this number in quotes. */
            version: number;
        };
        /**
         * @example {
         *       "id": "80bdf02fc2957dc579080a2096df412f",
         *       "rule": "trial_limit",
         *       "serverToken": "QMSA-Q5NW-3T8B-V1HX-GM94",
         *       "lineageId": null,
         *       "reason": "Agreed with the sales manager",
         *       "grantedBy": "admin",
         *       "grantedAt": "2026-11-23T10:30:00Z",
         *       "expiresAt": "2026-12-07T10:30:00Z",
         *       "requestId": "90a2c1f35d7e4b0c8a61f2d3e4b5c6d7",
         *       "state": "granted",
         *       "licenseId": null,
         *       "usedBy": null,
         *       "usedAt": null,
         *       "replaces": null,
         *       "replacedBy": null,
         *       "replacedAt": null,
         *       "version": 1
         *     }
         */
        Exception: {
            id: components["schemas"]["LicenseIdText"];
            rule: components["schemas"]["Rule"];
            serverToken: string | null;
            lineageId: string | null;
            days?: components["schemas"]["ExceptionDays"];
            reason: string;
            grantedBy: string;
            grantedAt: components["schemas"]["Instant"];
            /** @description From then on it allows nothing. */
            expiresAt: components["schemas"]["Instant"];
            /** @description The request that it granted. */
            requestId: string | null;
            /** @enum {string} */
            state: "granted" | "used" | "expired" | "replaced";
            /** @description The license that it allowed. */
            licenseId: string | null;
            usedBy: string | null;
            /** Format: date-time */
            usedAt: string | null;
            /** @description The open exception with fewer days, or none, whose place it took. */
            replaces: string | null;
            /** @description The exception with more days that took its place. */
            replacedBy: string | null;
            /** Format: date-time */
            replacedAt: string | null;
            /** @description The ETag is this number in quotes. */
            version: number;
        };
        ValidateRequest: {
            /** @description As it was pasted. */
            licenseKey: string;
            serverToken?: string;
            assigned?: components["schemas"]["Assigned"];
        };
        /** @description How many users are licensed in QMS per module; absent is 0. */
        Assigned: {
            callRecording?: components["schemas"]["Quantity"];
            computerRecording?: components["schemas"]["Quantity"];
            agentEvaluation?: components["schemas"]["Quantity"];
        };
        VerdictProblem: {
            /** @enum {string} */
            code: "damaged" | "signature_invalid" | "unknown_key" | "key_not_for_type" | "server_token_mismatch" | "expired" | "too_many_users" | "revoked" | "superseded";
            blocksLoading: boolean;
            title: string;
            detail: string;
            remedy: string;
            params: Record<string, never>;
        };
        Repair: {
            code: string;
            detail: string;
        };
        /**
         * @example {
         *       "loads": false,
         *       "valid": false,
         *       "problems": [
         *         {
         *           "code": "too_many_users",
         *           "blocksLoading": true,
         *           "title": "2 users too many for Call Recording",
         *           "detail": "72 users have Call Recording; this license has 70 seats. Computer Recording (0 of 50) and Agent Evaluation (0 of 50) fit.",
         *           "remedy": "Unlicense 2 users of Call Recording in QMS, then load the license. The downgrade check says which.",
         *           "params": {
         *             "modules": {
         *               "callRecording": {
         *                 "licensed": 70,
         *                 "assigned": 72,
         *                 "excess": 2
         *               },
         *               "computerRecording": {
         *                 "licensed": 50,
         *                 "assigned": 0,
         *                 "excess": 0
         *               },
         *               "agentEvaluation": {
         *                 "licensed": 50,
         *                 "assigned": 0,
         *                 "excess": 0
         *               }
         *             }
         *           }
         *         }
         *       ],
         *       "repairs": [
         *         {
         *           "code": "label",
         *           "detail": "The label before the license removed."
         *         }
         *       ],
         *       "license": {
         *         "serverToken": "QMSA-7K2P-9XWD-H4TN-RC53",
         *         "type": "subscription",
         *         "expiresOn": "2027-12-31",
         *         "modules": {
         *           "qmsSuite": 50,
         *           "callRecording": 20,
         *           "computerRecording": 0,
         *           "agentEvaluation": 0
         *         },
         *         "seats": {
         *           "callRecording": 70,
         *           "computerRecording": 50,
         *           "agentEvaluation": 50
         *         },
         *         "suite": 50
         *       }
         *     }
         */
        Verdict: {
            /** @description Nothing blocks loading. */
            loads: boolean;
            /** @description No problem at all. */
            valid: boolean;
            problems: components["schemas"]["VerdictProblem"][];
            repairs: components["schemas"]["Repair"][];
            license?: {
                serverToken: components["schemas"]["ServerToken"];
                type: components["schemas"]["Type"];
                /** Format: date */
                expiresOn: string | null;
                modules?: components["schemas"]["BoughtModules"];
                seats: components["schemas"]["Seats"];
                suite: components["schemas"]["Quantity"];
            };
        };
        /** @enum {string} */
        Module: "callRecording" | "computerRecording" | "agentEvaluation";
        User: {
            name: string;
            /** @enum {string} */
            role: "administrator" | "manager" | "supervisor" | "agent";
            modules: components["schemas"]["Module"][];
            /** Format: date */
            lastActiveOn?: string | null;
        };
        DowngradeRequest: {
            licenseKey?: string;
            modules?: components["schemas"]["Modules"];
            users?: components["schemas"]["User"][];
            assigned?: components["schemas"]["Assigned"];
        };
        SeatCount: {
            licensed: number;
            assigned: number;
            excess: number;
        };
        /**
         * @example {
         *       "loads": false,
         *       "problems": [
         *         {
         *           "code": "too_many_users",
         *           "blocksLoading": true,
         *           "title": "1 user too many for Call Recording",
         *           "detail": "2 users have Call Recording; this license has 1 seat. Computer Recording (0 of 0) and Agent Evaluation (0 of 0) fit.",
         *           "remedy": "Unlicense 1 user of Call Recording in QMS, then load the license. The downgrade check says which.",
         *           "params": {
         *             "modules": {
         *               "callRecording": {
         *                 "licensed": 1,
         *                 "assigned": 2,
         *                 "excess": 1
         *               },
         *               "computerRecording": {
         *                 "licensed": 0,
         *                 "assigned": 0,
         *                 "excess": 0
         *               },
         *               "agentEvaluation": {
         *                 "licensed": 0,
         *                 "assigned": 0,
         *                 "excess": 0
         *               }
         *             }
         *           }
         *         }
         *       ],
         *       "modules": {
         *         "callRecording": {
         *           "licensed": 1,
         *           "assigned": 2,
         *           "excess": 1
         *         },
         *         "computerRecording": {
         *           "licensed": 0,
         *           "assigned": 0,
         *           "excess": 0
         *         },
         *         "agentEvaluation": {
         *           "licensed": 0,
         *           "assigned": 0,
         *           "excess": 0
         *         }
         *       },
         *       "plan": [
         *         {
         *           "user": "Dana Whitlock",
         *           "unlicense": [
         *             "callRecording"
         *           ],
         *           "reason": "Inactive since 9 Jan 2026."
         *         }
         *       ],
         *       "repairs": []
         *     }
         */
        DowngradeAnswer: {
            loads: boolean;
            problems: components["schemas"]["VerdictProblem"][];
            modules?: {
                callRecording: components["schemas"]["SeatCount"];
                computerRecording: components["schemas"]["SeatCount"];
                agentEvaluation: components["schemas"]["SeatCount"];
            };
            plan?: {
                user: string;
                unlicense: components["schemas"]["Module"][];
                reason: string;
            }[];
            repairs: components["schemas"]["Repair"][];
        };
        /**
         * @example {
         *       "keys": [
         *         {
         *           "kty": "EC",
         *           "crv": "P-256",
         *           "x": "pUv-JhfyCRkztc-_iLE0Gqyd0_vK-vT-kjXC4qG6wuw",
         *           "y": "wH05I2jrUoNkURhG3KqBpqoeCzt5r4ZHttWHDwHcA0I",
         *           "alg": "ES256",
         *           "use": "sig",
         *           "kid": "sold-2026-1",
         *           "licenseTypes": [
         *             "permanent",
         *             "subscription"
         *           ]
         *         }
         *       ]
         *     }
         */
        KeySet: {
            keys: {
                /** @constant */
                kty: "EC";
                /** @constant */
                crv: "P-256";
                x: string;
                y: string;
                /** @constant */
                alg: "ES256";
                /** @constant */
                use: "sig";
                kid: string;
                licenseTypes: components["schemas"]["Type"][];
            }[];
        };
        /** @description What API Gateway itself answers. */
        GatewayMessage: {
            message: string;
        };
        /**
         * @description RFC 9457. The members of `params` per code:
         *
         *     | code | params |
         *     |---|---|
         *     | `forbidden` | `roles`: who can; of somebody else's request `requestedBy` |
         *     | `module_dependency` | `needed`, `have`, `add`: Call Recording seats |
         *     | `conditions_not_met` | `missing`: names of conditions |
         *     | `trial_limit`, `temporary_limit`, `rehost_limit` | `counted`: what `limit` counts: `days` (with `requested`), `days in all` (of a customer's trials on the server; with `requested` and `left`), `licenses` (in `windowDays`) or `rehosts` (in `windowMonths`, of `lineageId`); `issued`: what counts, oldest first, each `{licenseId, purpose, days, issuedBy, issuedAt}`, a re-host with `from` and `to` instead of purpose and days; `possibleOn`: the day on which the next is possible, null for never; `alsoRefused`: a second rule that needs an exception; where an exception is open whose days are too few, `requested` and its `exceptionId`, `exceptionDays`, `grantedBy`, `grantedAt`; `ask`: what `POST /v1/exception-requests` takes for this one, without its reason |
         *     | `quota_exceeded` | `limit`, `made`: licenses of this person today; `possibleOn`; `retryAfter`: seconds until midnight UTC |
         *     | `exception_exists` | `exceptionId`, `grantedBy`, `grantedAt`, `expiresAt`, `days` if it says any: of the open one |
         *     | `seats_below_base` | `base`, `requested`: seats |
         *     | `base_license_exists`, `trial_over_base` | `licenseId` |
         *     | `version_conflict` | `licenseId`, `version`, `changedBy`, `changedAt`, `change` |
         *     | `not_current` | `licenseId`, `status` |
         *     | `issue_voided` | `licenseId` |
         *     | `not_renewable`, `not_rehostable`, `not_amendable` | `type` |
         *     | `not_correctable` | `type` of a temporary license, `operation` of a re-hosted one, or `issuedOn` of the license that set what is wrong and `until`: the last day |
         *     | `other_customer` | `licenseId`, `customer`: of this license, `otherCustomer`: of the license on the other server |
         *     | `request_not_open` | `state`, `by`, `at`, `licenseId` if it was issued; of a request for an exception `exceptionId` if it was granted |
         *     | `own_request` | `requestedBy` |
         *     | `basis_required` | `expiresOn`, `bases` |
         *     | `renewal_in_past`, `expires_in_past` | `expiresOn`, `today` |
         *     | `too_many_licenses` | `count`, `limit`; `exact`: false if there are more than were counted |
         *     | `unavailable` | `retryAfter`: seconds |
         *
         *     Every other code has none.
         * @example {
         *       "type": "urn:qms-licensing:problem:trial_limit",
         *       "title": "The limit of trials is reached",
         *       "status": 422,
         *       "code": "trial_limit",
         *       "detail": "A temporary license for a trial runs for at most 30 days; this asks for 90. Choose 30 or fewer. If it must be, ask an admin for an exception from this limit. It must say the days: only one for 90 days or more allows this length.",
         *       "requestId": "TjOQxHF74mW6vyc=",
         *       "params": {
         *         "counted": "days",
         *         "limit": 30,
         *         "requested": 90,
         *         "ask": {
         *           "rule": "trial_limit",
         *           "serverToken": "QMSA-Q5NW-3T8B-V1HX-GM94",
         *           "days": 90
         *         }
         *       },
         *       "errors": [
         *         {
         *           "pointer": "/days",
         *           "detail": "A temporary license for a trial runs for at most 30 days; this asks for 90. Choose 30 or fewer. If it must be, ask an admin for an exception from this limit. It must say the days: only one for 90 days or more allows this length."
         *         }
         *       ]
         *     }
         */
        Problem: {
            type: string;
            title: string;
            status: number;
            detail: string;
            /** @enum {string} */
            code: "invalid_request" | "forbidden" | "license_not_found" | "version_conflict" | "idempotency_key_reused" | "if_match_required" | "internal" | "unavailable" | "quota_exceeded" | "payload_too_large" | "unsupported_media_type" | "module_dependency" | "conditions_not_met" | "trial_limit" | "temporary_limit" | "rehost_limit" | "seats_below_base" | "not_renewable" | "not_rehostable" | "basis_required" | "renewal_in_past" | "expires_in_past" | "base_license_exists" | "trial_over_base" | "other_customer" | "not_current" | "issue_voided" | "not_amendable" | "not_correctable" | "request_not_found" | "request_not_open" | "own_request" | "request_required" | "too_many_licenses" | "exception_exists";
            requestId: string;
            params?: Record<string, never>;
            errors?: {
                pointer: string;
                detail: string;
            }[];
        };
    };
    responses: {
        /** @description The license, signed and stored */
        Issued: {
            headers: {
                "Cache-Control": components["headers"]["NoStore"];
                ETag: components["headers"]["ETag"];
                Location: components["headers"]["Location"];
                "Idempotency-Replayed": components["headers"]["Replayed"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["LicenseAnswer"];
            };
        };
        /** @description The request */
        LicenseRequest: {
            headers: {
                "Cache-Control": components["headers"]["NoStore"];
                ETag: components["headers"]["RequestETag"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["LicenseRequestAnswer"];
            };
        };
        /** @description The request as it is now */
        LicenseRequestChanged: {
            headers: {
                "Cache-Control": components["headers"]["NoStore"];
                ETag: components["headers"]["RequestETag"];
                "Idempotency-Replayed": components["headers"]["Replayed"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["LicenseRequestAnswer"];
            };
        };
        /** @description The request as it is now */
        ExceptionRequestChanged: {
            headers: {
                "Cache-Control": components["headers"]["NoStore"];
                ETag: components["headers"]["RequestETag"];
                "Idempotency-Replayed": components["headers"]["Replayed"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    request: components["schemas"]["ExceptionRequest"];
                };
            };
        };
        /**
         * @description The request failed. Each operation lists in `x-refusals` the codes that it refuses with, besides those that every one
         *     may have, below, and those of every one with a body.
         */
        Refused: {
            headers: {
                /** @description Seconds; with 503 and 429. */
                "Retry-After"?: string;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
                "application/json": components["schemas"]["GatewayMessage"];
            };
        };
    };
    parameters: {
        /** @description 1 to 64 visible ASCII characters. The same key with the same request gives the same answer, byte for byte. */
        IdempotencyKey: string;
        /**
         * @description 1 to 64 visible ASCII characters; a run needs it, a dry run does not. The same key with the same run attempts what is
         *     missing and answers the rest as before; with another run it is refused.
         */
        RunIdempotencyKey: string;
        /** @description The ETag of the license that is changed. */
        IfMatch: string;
        /** @description The ETag of the license that is changed. Without it the answer is 428 `if_match_required`. */
        RequiredIfMatch: string;
        /**
         * @description Capitals and spaces around it are let pass.
         * @example 5a7b22fd3b0147caae4f13a5d93c2b11
         */
        LicenseId: string;
        /** @example 0f5e9c1d7a3b4826a4d1c0e97f62b538 */
        LicenseRequestId: string;
        /** @example 90a2c1f35d7e4b0c8a61f2d3e4b5c6d7 */
        ExceptionRequestId: string;
    };
    requestBodies: never;
    headers: {
        NoStore: "no-store";
        /** @description The version of the license or document. */
        ETag: string;
        /** @description The request's version. */
        RequestETag: string;
        /** @description Where the new license is shown. */
        Location: string;
        /** @description Only on a replay of an earlier answer. */
        Replayed: "true";
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    issueTemporary: {
        parameters: {
            query?: never;
            header: {
                /** @description 1 to 64 visible ASCII characters. The same key with the same request gives the same answer, byte for byte. */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "serverToken": "QMSA-Q5NW-3T8B-V1HX-GM94",
                 *       "customer": "Northwind Call Centers",
                 *       "purpose": "trial",
                 *       "modules": {
                 *         "qmsSuite": 50,
                 *         "callRecording": 20
                 *       },
                 *       "days": 30
                 *     }
                 */
                "application/json": components["schemas"]["IssueTemporaryRequest"];
            };
        };
        responses: {
            201: components["responses"]["Issued"];
            default: components["responses"]["Refused"];
        };
    };
    search: {
        parameters: {
            query?: {
                /**
                 * @description Id of one license.
                 * @example 0f8b0c5e9d7a4c52b1e3a6f4d2c89b17
                 */
                id?: string;
                /**
                 * @description The Server Token as it was copied; it is cleaned.
                 * @example QMSA-7K2P-9XWD-H4TN-RC53
                 */
                serverToken?: string;
                /**
                 * @description The start of the customer's name, at least one letter or digit, at most 200 characters. Case, accents and punctuation do not matter.
                 * @example cafe nord
                 */
                customer?: string;
                /**
                 * @description The contract, whole. Case does not matter.
                 * @example C-2041
                 */
                contract?: string;
                /** @example subscription */
                type?: components["schemas"]["Type"];
                /**
                 * @description With `expiresFrom` or `expiresTo` only active or expired.
                 * @example active
                 */
                status?: "active" | "expired" | "superseded" | "revoked" | "pending" | "void";
                /**
                 * @description Of temporary licenses.
                 * @example trial
                 */
                purpose?: "trial" | "troubleshooting" | "emergency";
                /**
                 * @description Who issued it; the user name, whole. Case does not matter.
                 * @example accounting
                 */
                issuedBy?: string;
                /**
                 * @description What happened to it last. `renewed`, `amended`, `corrected` and `re-hosted` are said of the license that a newer
                 *     one has taken the place of by that; `replaced` is said where it was none of these.
                 * @example revoked
                 */
                lastEvent?: "issued" | "renewed" | "amended" | "corrected" | "re-hosted" | "replaced" | "revoked" | "voided";
                /**
                 * @description Active and expired licenses alone, with this expiration date or a later one.
                 * @example 2026-12-01
                 */
                expiresFrom?: string;
                /**
                 * @description Active and expired licenses alone, with this expiration date or an earlier one.
                 * @example 2026-12-31
                 */
                expiresTo?: string;
                /** @description nextCursor of the page before. */
                cursor?: string;
                /** @description The most items of a page. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["License"][];
                        /** @description Null on the last page */
                        nextCursor: string | null;
                    };
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    issue: {
        parameters: {
            query?: never;
            header: {
                /** @description 1 to 64 visible ASCII characters. The same key with the same request gives the same answer, byte for byte. */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
                /** @description The ETag of the license that is changed. */
                "If-Match"?: components["parameters"]["IfMatch"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["IssueRequest"];
            };
        };
        responses: {
            201: components["responses"]["Issued"];
            default: components["responses"]["Refused"];
        };
    };
    expirations: {
        parameters: {
            query?: {
                /**
                 * @description The first month, YYYY-MM; the present one if it is not given.
                 * @example 2026-11
                 */
                from?: string;
                /** @description How many months. */
                months?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The months in their order, those without an expiration too */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "months": [
                     *         {
                     *           "month": "2026-11",
                     *           "subscriptions": 12,
                     *           "temporary": 3
                     *         },
                     *         {
                     *           "month": "2026-12",
                     *           "subscriptions": 41,
                     *           "temporary": 0
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": {
                        months: {
                            month: string;
                            subscriptions: number;
                            temporary: number;
                        }[];
                    };
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    show: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Capitals and spaces around it are let pass.
                 * @example 5a7b22fd3b0147caae4f13a5d93c2b11
                 */
                id: components["parameters"]["LicenseId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The license */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    ETag: components["headers"]["ETag"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LicenseAnswer"];
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    history: {
        parameters: {
            query?: {
                /** @description nextCursor of the page before. */
                cursor?: string;
                /** @description The most items of a page. */
                limit?: number;
                /** @description The checkpoint that an earlier history gave of the own server: number, colon, hash. */
                checkpoint?: string;
            };
            header?: never;
            path: {
                /**
                 * @description Capitals and spaces around it are let pass.
                 * @example 5a7b22fd3b0147caae4f13a5d93c2b11
                 */
                id: components["parameters"]["LicenseId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "at": "2026-11-23T09:00:00.123Z",
                     *           "event": "issued",
                     *           "operation": "renew",
                     *           "sentence": "anna (accounting) renewed the subscription of Northwind Call Centers by contract C-2041: now until 31 Dec 2027, before 31 Dec 2026.",
                     *           "who": "anna",
                     *           "role": "accounting",
                     *           "licenseId": "5a7b22fd3b0147caae4f13a5d93c2b11",
                     *           "serverToken": "QMSA-7K2P-9XWD-H4TN-RC53",
                     *           "number": 4,
                     *           "requestId": "JKJaXmPLvHcESHA=",
                     *           "reason": null,
                     *           "note": null,
                     *           "licenseRequestId": null,
                     *           "exceptionIds": [],
                     *           "conditions": [],
                     *           "convertsTrial": null,
                     *           "before": null,
                     *           "after": null,
                     *           "document": null,
                     *           "hash": "5f3a1c0e4b7d29865f3a1c0e4b7d29865f3a1c0e4b7d29865f3a1c0e4b7d2986"
                     *         }
                     *       ],
                     *       "chains": [
                     *         {
                     *           "serverToken": "QMSA-7K2P-9XWD-H4TN-RC53",
                     *           "length": 4,
                     *           "head": "5f3a1c0e4b7d29865f3a1c0e4b7d29865f3a1c0e4b7d29865f3a1c0e4b7d2986",
                     *           "checkpoint": "4:5f3a1c0e4b7d29865f3a1c0e4b7d29865f3a1c0e4b7d29865f3a1c0e4b7d2986",
                     *           "verified": true,
                     *           "broken": null
                     *         }
                     *       ],
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["HistoryAnswer"];
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    renew: {
        parameters: {
            query?: never;
            header: {
                /** @description 1 to 64 visible ASCII characters. The same key with the same request gives the same answer, byte for byte. */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
                /** @description The ETag of the license that is changed. Without it the answer is 428 `if_match_required`. */
                "If-Match": components["parameters"]["RequiredIfMatch"];
            };
            path: {
                /**
                 * @description Capitals and spaces around it are let pass.
                 * @example 5a7b22fd3b0147caae4f13a5d93c2b11
                 */
                id: components["parameters"]["LicenseId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "contract": "C-2041",
                 *       "termMonths": 12,
                 *       "basis": "expiration"
                 *     }
                 */
                "application/json": components["schemas"]["RenewRequest"];
            };
        };
        responses: {
            /** @description The renewed license */
            201: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    ETag: components["headers"]["ETag"];
                    Location: components["headers"]["Location"];
                    "Idempotency-Replayed": components["headers"]["Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        license: components["schemas"]["License"];
                        previousExpiresOn: components["schemas"]["Date"];
                        expiresOn: components["schemas"]["Date"];
                        changes?: components["schemas"]["Changes"];
                    };
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    rehost: {
        parameters: {
            query?: never;
            header: {
                /** @description 1 to 64 visible ASCII characters. The same key with the same request gives the same answer, byte for byte. */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
                /** @description The ETag of the license that is changed. Without it the answer is 428 `if_match_required`. */
                "If-Match": components["parameters"]["RequiredIfMatch"];
            };
            path: {
                /**
                 * @description Capitals and spaces around it are let pass.
                 * @example 5a7b22fd3b0147caae4f13a5d93c2b11
                 */
                id: components["parameters"]["LicenseId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "serverToken": "QMSB-4M8D-K2VX-77QH-PT31",
                 *       "reason": "network-card-replaced",
                 *       "note": "Ticket 4711"
                 *     }
                 */
                "application/json": components["schemas"]["RehostRequest"];
            };
        };
        responses: {
            /** @description The license on the new server */
            201: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    ETag: components["headers"]["ETag"];
                    Location: components["headers"]["Location"];
                    "Idempotency-Replayed": components["headers"]["Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        license: components["schemas"]["License"];
                        previousLicenseId: components["schemas"]["LicenseIdText"];
                        /** @description What becomes of both servers, and what can bridge. */
                        notice: string;
                    };
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    amend: {
        parameters: {
            query?: never;
            header: {
                /** @description 1 to 64 visible ASCII characters. The same key with the same request gives the same answer, byte for byte. */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
                /** @description The ETag of the license that is changed. Without it the answer is 428 `if_match_required`. */
                "If-Match": components["parameters"]["RequiredIfMatch"];
            };
            path: {
                /**
                 * @description Capitals and spaces around it are let pass.
                 * @example 5a7b22fd3b0147caae4f13a5d93c2b11
                 */
                id: components["parameters"]["LicenseId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AmendRequest"];
            };
        };
        responses: {
            /** @description What a dry run would issue */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        preview: components["schemas"]["LicensePreview"];
                        changes: components["schemas"]["Changes"];
                    };
                };
            };
            /** @description The amended license */
            201: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    ETag: components["headers"]["ETag"];
                    Location: components["headers"]["Location"];
                    "Idempotency-Replayed": components["headers"]["Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        license: components["schemas"]["License"];
                        previousLicenseId: components["schemas"]["LicenseIdText"];
                        changes: components["schemas"]["Changes"];
                    };
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    correct: {
        parameters: {
            query?: never;
            header: {
                /** @description 1 to 64 visible ASCII characters. The same key with the same request gives the same answer, byte for byte. */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
                /** @description The ETag of the license that is changed. Without it the answer is 428 `if_match_required`. */
                "If-Match": components["parameters"]["RequiredIfMatch"];
            };
            path: {
                /**
                 * @description Capitals and spaces around it are let pass.
                 * @example 5a7b22fd3b0147caae4f13a5d93c2b11
                 */
                id: components["parameters"]["LicenseId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CorrectRequest"];
            };
        };
        responses: {
            /** @description The right license */
            201: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    ETag: components["headers"]["ETag"];
                    Location: components["headers"]["Location"];
                    "Idempotency-Replayed": components["headers"]["Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        license: components["schemas"]["License"];
                        /** @description The license that is revoked. */
                        previousLicenseId: components["schemas"]["LicenseIdText"];
                        changes?: components["schemas"]["Changes"];
                        /** @description What becomes of a copy of the wrong license that was loaded already. */
                        notice: string;
                    };
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    revoke: {
        parameters: {
            query?: never;
            header: {
                /** @description 1 to 64 visible ASCII characters. The same key with the same request gives the same answer, byte for byte. */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
                /** @description The ETag of the license that is changed. Without it the answer is 428 `if_match_required`. */
                "If-Match": components["parameters"]["RequiredIfMatch"];
            };
            path: {
                /**
                 * @description Capitals and spaces around it are let pass.
                 * @example 5a7b22fd3b0147caae4f13a5d93c2b11
                 */
                id: components["parameters"]["LicenseId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "reason": "The contract was cancelled on 12 November"
                 *     }
                 */
                "application/json": components["schemas"]["RevokeRequest"];
            };
        };
        responses: {
            /** @description The revoked license */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    ETag: components["headers"]["ETag"];
                    "Idempotency-Replayed": components["headers"]["Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        license: components["schemas"]["License"];
                        notice: string;
                    };
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    listLicenseRequests: {
        parameters: {
            query?: {
                /**
                 * @description Absent: all of them.
                 * @example open
                 */
                state?: components["schemas"]["LicenseRequestState"];
                /** @description nextCursor of the page before. */
                cursor?: string;
                /** @description The most items of a page. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["LicenseRequest"][];
                        nextCursor: string | null;
                    };
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    askForLicense: {
        parameters: {
            query?: never;
            header: {
                /** @description 1 to 64 visible ASCII characters. The same key with the same request gives the same answer, byte for byte. */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AskRequest"];
            };
        };
        responses: {
            /** @description The request, open */
            201: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    ETag: components["headers"]["RequestETag"];
                    /** @description Where the request is shown. */
                    Location?: string;
                    "Idempotency-Replayed": components["headers"]["Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LicenseRequestAnswer"];
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    showLicenseRequest: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 0f5e9c1d7a3b4826a4d1c0e97f62b538 */
                id: components["parameters"]["LicenseRequestId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["LicenseRequest"];
            default: components["responses"]["Refused"];
        };
    };
    recordConditions: {
        parameters: {
            query?: never;
            header: {
                /** @description 1 to 64 visible ASCII characters. The same key with the same request gives the same answer, byte for byte. */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path: {
                /** @example 0f5e9c1d7a3b4826a4d1c0e97f62b538 */
                id: components["parameters"]["LicenseRequestId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "conditions": [
                 *         {
                 *           "name": "payment-received",
                 *           "metOn": "2026-11-12",
                 *           "evidence": "Bank statement 12 Nov"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": {
                    conditions: components["schemas"]["Condition"][];
                };
            };
        };
        responses: {
            200: components["responses"]["LicenseRequestChanged"];
            default: components["responses"]["Refused"];
        };
    };
    declineLicenseRequest: {
        parameters: {
            query?: never;
            header: {
                /** @description 1 to 64 visible ASCII characters. The same key with the same request gives the same answer, byte for byte. */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path: {
                /** @example 0f5e9c1d7a3b4826a4d1c0e97f62b538 */
                id: components["parameters"]["LicenseRequestId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "reason": "The order is for 40 QMS Suite"
                 *     }
                 */
                "application/json": {
                    reason: string;
                };
            };
        };
        responses: {
            200: components["responses"]["LicenseRequestChanged"];
            default: components["responses"]["Refused"];
        };
    };
    withdrawLicenseRequest: {
        parameters: {
            query?: never;
            header: {
                /** @description 1 to 64 visible ASCII characters. The same key with the same request gives the same answer, byte for byte. */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path: {
                /** @example 0f5e9c1d7a3b4826a4d1c0e97f62b538 */
                id: components["parameters"]["LicenseRequestId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "reason": "The customer chose a subscription"
                 *     }
                 */
                "application/json": {
                    reason?: string;
                };
            };
        };
        responses: {
            200: components["responses"]["LicenseRequestChanged"];
            default: components["responses"]["Refused"];
        };
    };
    renewMany: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description 1 to 64 visible ASCII characters; a run needs it, a dry run does not. The same key with the same run attempts what is
                 *     missing and answers the rest as before; with another run it is refused.
                 */
                "Idempotency-Key"?: components["parameters"]["RunIdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RenewalsRequest"];
            };
        };
        responses: {
            /** @description Of a dry run, what would become of each; of a run, what became of each, in the order of the request */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RenewalsForecast"] | components["schemas"]["RenewalsResult"];
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    keyAges: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Every key of the key table, by key id */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "keys": [
                     *         {
                     *           "kid": "sold-2026-1",
                     *           "purpose": "sold",
                     *           "state": "signing",
                     *           "licenseTypes": [
                     *             "permanent",
                     *             "subscription"
                     *           ],
                     *           "createdOn": "2026-11-23",
                     *           "stateSince": "2026-11-23",
                     *           "ageDays": 12,
                     *           "nextStep": null
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["KeyAges"];
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    reconcile: {
        parameters: {
            query?: never;
            header: {
                /** @description 1 to 64 visible ASCII characters. The same key with the same request gives the same answer, byte for byte. */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How far the run came */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    "Idempotency-Replayed": components["headers"]["Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "run": {
                     *         "id": "0d9c44fd3b0147caae4f13a5d93c2b11",
                     *         "startedBy": "admin",
                     *         "startedAt": "2026-11-23T09:00:00.123Z",
                     *         "finishedAt": "2026-11-23T09:00:04.456Z",
                     *         "state": "done",
                     *         "checked": {
                     *           "licenses": 42,
                     *           "verified": 3,
                     *           "servers": 30,
                     *           "entries": 95,
                     *           "idempotencyRecords": 42,
                     *           "documents": 31
                     *         },
                     *         "findings": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        run: components["schemas"]["Run"];
                    };
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    findings: {
        parameters: {
            query?: {
                /** @description Id of a run; without it the newest. */
                run?: string;
                /** @description nextCursor of the page before. */
                cursor?: string;
                /** @description The most items of a page. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description null: there was no run yet. */
                        run: null | components["schemas"]["Run"];
                        items: components["schemas"]["Finding"][];
                        nextCursor: string | null;
                    };
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    listExceptionRequests: {
        parameters: {
            query?: {
                state?: "open" | "granted" | "declined" | "withdrawn";
                /** @description nextCursor of the page before. */
                cursor?: string;
                /** @description The most items of a page. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["ExceptionRequest"][];
                        nextCursor: string | null;
                    };
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    askException: {
        parameters: {
            query?: never;
            header: {
                /** @description 1 to 64 visible ASCII characters. The same key with the same request gives the same answer, byte for byte. */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ExceptionRequestRequest"];
            };
        };
        responses: {
            /** @description The request, open */
            201: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    ETag: components["headers"]["ETag"];
                    "Idempotency-Replayed": components["headers"]["Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        request: components["schemas"]["ExceptionRequest"];
                    };
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    declineExceptionRequest: {
        parameters: {
            query?: never;
            header: {
                /** @description 1 to 64 visible ASCII characters. The same key with the same request gives the same answer, byte for byte. */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path: {
                /** @example 90a2c1f35d7e4b0c8a61f2d3e4b5c6d7 */
                id: components["parameters"]["ExceptionRequestId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "reason": "The trial has run for 60 days; the customer buys"
                 *     }
                 */
                "application/json": {
                    reason: string;
                };
            };
        };
        responses: {
            200: components["responses"]["ExceptionRequestChanged"];
            default: components["responses"]["Refused"];
        };
    };
    withdrawExceptionRequest: {
        parameters: {
            query?: never;
            header: {
                /** @description 1 to 64 visible ASCII characters. The same key with the same request gives the same answer, byte for byte. */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path: {
                /** @example 90a2c1f35d7e4b0c8a61f2d3e4b5c6d7 */
                id: components["parameters"]["ExceptionRequestId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "reason": "The customer has bought a license"
                 *     }
                 */
                "application/json": {
                    reason?: string;
                };
            };
        };
        responses: {
            200: components["responses"]["ExceptionRequestChanged"];
            default: components["responses"]["Refused"];
        };
    };
    listExceptions: {
        parameters: {
            query?: {
                state?: "granted" | "used" | "replaced";
                /** @description nextCursor of the page before. */
                cursor?: string;
                /** @description The most items of a page. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["Exception"][];
                        nextCursor: string | null;
                    };
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    grantException: {
        parameters: {
            query?: never;
            header: {
                /** @description 1 to 64 visible ASCII characters. The same key with the same request gives the same answer, byte for byte. */
                "Idempotency-Key": components["parameters"]["IdempotencyKey"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ExceptionGrantRequest"];
            };
        };
        responses: {
            /** @description The exception, open */
            201: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    ETag: components["headers"]["ETag"];
                    "Idempotency-Replayed": components["headers"]["Replayed"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        exception: components["schemas"]["Exception"];
                    };
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    retrieve: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example QMSA-4M8D-K2VX-77QH-PT31 */
                serverToken: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The license */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        license: components["schemas"]["RetrievedLicense"];
                    };
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    validate: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "licenseKey": "License: eyJhbGciOiJFUzI1NiIs",
                 *       "serverToken": "QMSA-7K2P-9XWD-H4TN-RC53",
                 *       "assigned": {
                 *         "callRecording": 62,
                 *         "computerRecording": 25,
                 *         "agentEvaluation": 8
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["ValidateRequest"];
            };
        };
        responses: {
            /** @description The verdict */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Verdict"];
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    downgradeCheck: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "modules": {
                 *         "callRecording": 1
                 *       },
                 *       "users": [
                 *         {
                 *           "name": "Dana Whitlock",
                 *           "role": "agent",
                 *           "modules": [
                 *             "callRecording"
                 *           ],
                 *           "lastActiveOn": "2026-01-09"
                 *         },
                 *         {
                 *           "name": "Kenji Mori",
                 *           "role": "supervisor",
                 *           "modules": [
                 *             "callRecording"
                 *           ]
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["DowngradeRequest"];
            };
        };
        responses: {
            /** @description The check */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DowngradeAnswer"];
                };
            };
            default: components["responses"]["Refused"];
        };
    };
    keys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A JSON Web Key Set */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["NoStore"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeySet"];
                };
            };
            default: components["responses"]["Refused"];
        };
    };
}
type FlattenedDeepRequired<T> = {
    [K in keyof T]-?: FlattenedDeepRequired<T[K] extends unknown[] | undefined | null ? Extract<T[K], unknown[]>[number] : T[K]>;
};
type ReadonlyArray<T> = [
    Exclude<T, undefined>
] extends [
    unknown[]
] ? Readonly<Exclude<T, undefined>> : Readonly<Exclude<T, undefined>[]>;
export const pathsV1LicensesGetParametersQueryStatusValues: ReadonlyArray<FlattenedDeepRequired<paths>["/v1/licenses"]["get"]["parameters"]["query"]["status"]> = ["active", "expired", "superseded", "revoked", "pending", "void"];
export const pathsV1LicensesGetParametersQueryPurposeValues: ReadonlyArray<FlattenedDeepRequired<paths>["/v1/licenses"]["get"]["parameters"]["query"]["purpose"]> = ["trial", "troubleshooting", "emergency"];
export const pathsV1LicensesGetParametersQueryLastEventValues: ReadonlyArray<FlattenedDeepRequired<paths>["/v1/licenses"]["get"]["parameters"]["query"]["lastEvent"]> = ["issued", "renewed", "amended", "corrected", "re-hosted", "replaced", "revoked", "voided"];
export const pathsV1ExceptionRequestsGetParametersQueryStateValues: ReadonlyArray<FlattenedDeepRequired<paths>["/v1/exception-requests"]["get"]["parameters"]["query"]["state"]> = ["open", "granted", "declined", "withdrawn"];
export const pathsV1ExceptionsGetParametersQueryStateValues: ReadonlyArray<FlattenedDeepRequired<paths>["/v1/exceptions"]["get"]["parameters"]["query"]["state"]> = ["granted", "used", "replaced"];
type WithRequired<T, K extends keyof T> = T & {
    [P in K]-?: T[P];
};
export const typeValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["Type"]> = ["permanent", "subscription", "temporary"];
export const licenseStatusValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["License"]["status"]> = ["active", "expired", "superseded", "revoked", "pending", "void"];
export const historyEventEventValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["HistoryEvent"]["event"]> = ["intent", "issued", "voided", "revoked", "moving", "moved", "stays", "requested", "condition-met", "declined", "withdrawn", "exception-asked", "exception-granted", "exception-declined", "exception-withdrawn", "unreadable"];
export const breakKindValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["Break"]["kind"]> = ["edited", "deleted", "inserted", "reordered", "tail-cut", "replaced", "head-lost"];
export const keyAgesKeysPurposeValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["KeyAges"]["keys"]["purpose"]> = ["temporary", "sold"];
export const keyAgesKeysStateValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["KeyAges"]["keys"]["state"]> = ["standby", "signing", "retired"];
export const keyAgesKeysLicenseTypesValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["KeyAges"]["keys"]["licenseTypes"]> = ["permanent", "subscription", "temporary"];
export const runStateValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["Run"]["state"]> = ["running", "done"];
export const findingCodeValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["Finding"]["code"]> = ["pending_too_long", "slot_wrong", "sequence_wrong", "highest_base_wrong", "license_missing", "license_not_in_chain", "license_changed", "license_key_wrong", "server_missing", "chain_broken", "idempotency_orphan", "document_wrong", "signatures_uncounted", "unreadable"];
export const findingSeverityValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["Finding"]["severity"]> = ["warning", "error", "critical"];
export const retrievedLicenseStatusValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["RetrievedLicense"]["status"]> = ["active", "expired"];
export const issueTemporaryRequestPurposeValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["IssueTemporaryRequest"]["purpose"]> = ["trial", "troubleshooting", "emergency"];
export const issueRequestTypeValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["IssueRequest"]["type"]> = ["subscription", "permanent"];
export const askRequestTypeValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["AskRequest"]["type"]> = ["permanent", "subscription"];
export const licenseRequestStateValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["LicenseRequestState"]> = ["open", "issued", "declined", "withdrawn"];
export const licenseRequestTypeValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["LicenseRequest"]["type"]> = ["permanent", "subscription"];
export const renewRequestBasisValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["RenewRequest"]["basis"]> = ["expiration", "today"];
export const rehostRequestReasonValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["RehostRequest"]["reason"]> = ["network-card-replaced", "server-replaced", "virtual-machine-moved", "other"];
export const renewalsRequestFilterStatusValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["RenewalsRequest"]["filter"]["status"]> = ["active", "expired"];
export const renewalsRequestBasisValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["RenewalsRequest"]["basis"]> = ["expiration", "today"];
export const renewalRowResultValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["RenewalRow"]["result"]> = ["renewed", "failed", "not_attempted"];
export const ruleValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["Rule"]> = ["trial_limit", "temporary_limit", "rehost_limit"];
export const exceptionRequestStateValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["ExceptionRequest"]["state"]> = ["open", "granted", "declined", "withdrawn"];
export const exceptionStateValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["Exception"]["state"]> = ["granted", "used", "expired", "replaced"];
export const verdictProblemCodeValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["VerdictProblem"]["code"]> = ["damaged", "signature_invalid", "unknown_key", "key_not_for_type", "server_token_mismatch", "expired", "too_many_users", "revoked", "superseded"];
export const moduleValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["Module"]> = ["callRecording", "computerRecording", "agentEvaluation"];
export const userRoleValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["User"]["role"]> = ["administrator", "manager", "supervisor", "agent"];
export const problemCodeValues: ReadonlyArray<FlattenedDeepRequired<components>["schemas"]["Problem"]["code"]> = ["invalid_request", "forbidden", "license_not_found", "version_conflict", "idempotency_key_reused", "if_match_required", "internal", "unavailable", "quota_exceeded", "payload_too_large", "unsupported_media_type", "module_dependency", "conditions_not_met", "trial_limit", "temporary_limit", "rehost_limit", "seats_below_base", "not_renewable", "not_rehostable", "basis_required", "renewal_in_past", "expires_in_past", "base_license_exists", "trial_over_base", "other_customer", "not_current", "issue_voided", "not_amendable", "not_correctable", "request_not_found", "request_not_open", "own_request", "request_required", "too_many_licenses", "exception_exists"];
