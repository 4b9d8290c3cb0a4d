package customerorders_test

import (
	"testing"

	"github.com/ordo-platform/ordo/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }
