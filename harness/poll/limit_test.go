package poll

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestWithLimitNamesWhatTookTooLong(t *testing.T) {
	ctx, cancel := WithLimit(t.Context(), time.Millisecond, "bringing the pair up")
	defer cancel()
	<-ctx.Done()
	assert.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
	assert.EqualError(t, context.Cause(ctx), "bringing the pair up took longer than 1ms")

	ctx, cancel = WithLimit(t.Context(), time.Hour, "anything")
	cancel()
	assert.ErrorIs(t, context.Cause(ctx), context.Canceled, "ended by us, not late")
}
