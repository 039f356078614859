package usageplan

// The subjects under which a Counter keeps what keys and groups use. A '>' ends the
// family of a subject: see store.Family. IDs have neither '>' nor '@' nor '/', so no two
// of these are the same text.
//
//	key/plan          a key's link
//	@acme             the root of a family of groups
//	@acme>@team       a group below the root, whatever groups are between the two
//	@acme>key/plan    a link of a key in a group of that family
//	@acme>key         a key in a group of that family, without a link

// GroupSubject returns the subject of a group. root is the ID of the root of its family.
// It is id if the group is the root.
func GroupSubject(root, id string) string {
	if root == id {
		return "@" + id
	}
	return "@" + root + ">@" + id
}

// KeySubject returns the subject of a key's link. root is the ID of the root of the key's
// groups, and empty if it is in no group. allowance is the link's, and empty if the key
// has no link.
func KeySubject(root, keyID, allowance string) string {
	subject := keyID
	if root != "" {
		subject = "@" + root + ">" + keyID
	}
	if allowance != "" {
		subject += "/" + allowance
	}
	return subject
}
