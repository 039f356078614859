package main

import (
	"fmt"
	"io"
	"os"

	"github.com/ration-go/ration/apikey"
)

const tagKeysHelp = "`file` with one key a line, in base64, of 32 to 64 random bytes: values of API keys have a tag that only these keys can make,\n" +
	`so that forged values cost no look-up. The first key makes new tags. Then the gateway
accepts only values that a gateway with one of these keys has made: none from AWS, and
none that were made without -tag-keys. The default is RATION_TAG_KEYS`

// setTagKeys reads the keys of the tags. The errors hold no part of them.
func (cfg *config) setTagKeys(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("-tag-keys: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1<<16)) // a device may have no end
	if err == nil {
		cfg.tagKeys, err = apikey.ParseTagKeys(string(text))
	}
	if err != nil {
		return fmt.Errorf("-tag-keys %s: %w", path, err)
	}
	return nil
}

// keyFormat returns the Format of the values of API keys. Without tags the gateway
// accepts values from AWS.
func (cfg *config) keyFormat() apikey.Format {
	return apikey.Format{AcceptForeign: cfg.tagKeys == nil, TagKeys: cfg.tagKeys}
}
