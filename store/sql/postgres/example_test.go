package postgres_test

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/rueidis"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/store/redis"
	"github.com/ration-go/ration/store/sql/postgres"
)

// Keys and plans are in PostgreSQL, and counters in Redis.
func Example_countersInRedis() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	keys, err := postgres.New(pool, postgres.Config{Logger: slog.Default()})
	if err != nil {
		log.Fatal(err)
	}
	if err := keys.Migrate(ctx); err != nil {
		log.Fatal(err)
	}
	go keys.Run(ctx) // hears of changes that other processes make

	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{os.Getenv("REDIS_ADDRESS")}, DisableCache: true})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	counters, err := redis.New(client, redis.Config{})
	if err != nil {
		log.Fatal(err)
	}

	r, err := ration.New(keys, ration.Config{Counter: counters, Logger: slog.Default()})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	log.Fatal(http.ListenAndServe(":8080", r.Handler(http.DefaultServeMux)))
}
