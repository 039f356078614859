package ration

import (
	"cmp"
	"errors"
	"log/slog"
	"slices"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/usageplan"
)

// Config configures the parts of a Ration. The zero Config is ready for use. By default
// Gate.KeyFormat is that of Keys, Gate.Units, Gate.Classes and Gate.Lease are Units,
// Classes and Lease, Keys.CheckGroup is Groups.Check, and each Logger is Logger, which
// may be nil.
type Config struct {
	Units      usageplan.Units   // what plans may limit beside requests
	Classes    usageplan.Classes // what plans and requests may name; the default is any
	Keys       apikey.Config
	Gate       gate.Config
	Middleware middleware.Config
	Logger     *slog.Logger
	Counter    store.Counter // the default is the Store

	// History is told of each change of keys, plans, groups, links and allowances. It is the
	// default of Keys.History and Gate.History. If nil, nothing is recorded.
	History history.Recorder

	// RevokeInsecure refuses requests that come over plain HTTP, and revokes their keys: it
	// sets Middleware.Insecure.Refuse, and Middleware.Insecure.Revoke to Keys.Revoke.
	RevokeInsecure bool

	// Lease, if it is not nil, decides most requests of busy keys and groups at the speed of
	// local memory over a store that processes share: see package lease. &lease.Config{} has
	// the defaults. A store in memory gains nothing, so New refuses a Lease over it.
	Lease *lease.Config
}

// findNil returns an error if the Store is nil, or the Counter holds a nil. It comes
// first, because each part that needs them would report the same.
func (cfg *Config) findNil(s Store) error {
	return errors.Join(
		nilcheck.Required("ration: store", s, "a Store, such as memory.New(memory.Config{})"),
		nilcheck.Optional("ration: history", cfg.History, "a history.Recorder, or none"),
		nilcheck.Optional("ration: counter", cfg.Counter, "a store.Counter, or none for that of the Store"),
	)
}

// complete gives the parts what they share. Its error has the faults of what they share,
// and each setting in which two parts differ. Units and classes with faults are left
// out, so that no part reports them again.
func (cfg *Config) complete(s Store) error {
	unitsErr, classesErr := cfg.Units.Validate(), cfg.Classes.Validate()
	if unitsErr != nil {
		cfg.Units, cfg.Gate.Units = nil, nil
	}
	if classesErr != nil {
		cfg.Classes, cfg.Gate.Classes = nil, nil
	}

	cfg.Counter = cmp.Or(cfg.Counter, store.Counter(s))
	cfg.Gate.Logger = cmp.Or(cfg.Gate.Logger, cfg.Logger)
	cfg.Middleware.Logger = cmp.Or(cfg.Middleware.Logger, cfg.Logger)
	cfg.Keys.History = cmp.Or(cfg.Keys.History, cfg.History)
	cfg.Gate.History = cmp.Or(cfg.Gate.History, cfg.History)
	cfg.Gate.KeyFormat = cmp.Or(cfg.Gate.KeyFormat, cfg.Keys.KeyFormat)
	cfg.Gate.Lease = cmp.Or(cfg.Gate.Lease, cfg.Lease)
	if len(cfg.Gate.Units) == 0 {
		cfg.Gate.Units = cfg.Units
	}
	if cfg.Gate.Classes == nil {
		cfg.Gate.Classes = cfg.Classes
	}
	return errors.Join(unitsErr, classesErr, cfg.differences())
}

// differences returns an error for each setting that two parts must share.
func (cfg *Config) differences() (err error) {
	if !cfg.Gate.KeyFormat.Covers(cfg.Keys.KeyFormat) {
		err = errors.New("ration: gate.keyFormat: want one that lets in the keys of keys.keyFormat")
	}
	if cfg.Keys.KeyFormat.TagKeys != nil && cfg.Gate.KeyFormat.TagKeys == nil {
		err = errors.Join(err, errors.New("ration: gate.keyFormat.tagKeys: nil: want those of keys.keyFormat, or forged secrets are looked up"))
	}
	if !slices.Equal(cfg.Gate.Units, cfg.Units) {
		err = errors.Join(err, errors.New("ration: gate.units: want none, or those of units, in the same order"))
	}
	if cfg.Classes != nil && !slices.Equal(cfg.Gate.Classes, cfg.Classes) {
		err = errors.Join(err, errors.New("ration: gate.classes: want none, or those of classes, in the same order"))
	}
	if cfg.Lease != nil && *cfg.Gate.Lease != *cfg.Lease {
		err = errors.Join(err, errors.New("ration: gate.lease: want none, or the same as lease"))
	}
	return err
}
